"""A measurement by the load driver's clock: what takes the place of the kernel's exchanges.

With several streams on a connection.  Latencies, names, spikes and counts are those of the
driver's own requests; the kernel still has connections, dependencies, CPUs and their stalls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.load_driver import Window
from socklat_gate.measured.names import CLIENT, REQUEST_STAGES
from socklat_gate.measured.records import CALL, Records
from socklat_gate.measured.run import RequestStages, Run, Spike
from socklat_gate.probe.probe import SPIKE_BUDGET
from socklat_gate.stalls.client_times import (
    arrivals,
    client_correction,
    client_exchanges,
    client_stages,
)
from socklat_gate.stalls.correction import Named, StallCorrection, correct_stalls

__all__ = ["DriverClock", "check_connections", "expected_calls"]


@dataclass(frozen=True, slots=True, eq=False)
class DriverClock:
    """`CALL` rows by arm, of a load measured in ``window``; ``shares`` by name of a request."""

    calls: Sequence[Records]
    window: Window
    shares: Mapping[str, float]

    @classmethod
    def of(
        cls, calls: Records, arms: int, window: Window, shares: Mapping[str, float]
    ) -> DriverClock:
        """``calls`` are rows of all arms."""
        return cls([calls[calls["arm"] == arm] for arm in range(arms)], window, shares)

    def sent_between(self, arm: int, from_ns: int, to_ns: int) -> int:
        """Requests that were sent to an arm in [from, to)."""
        sent_ns = self.calls[arm]["sent_ns"]
        return int(np.count_nonzero((sent_ns >= from_ns) & (sent_ns < to_ns)))

    def spike_ns(self, baseline: Sequence[int], factor: float) -> int:
        """The spike threshold: ``factor`` times the p99 of the baseline's warm-up; 0 without one.

        Of the ``baseline``, as the kernel's: the candidate must not choose its own.
        """
        calls = np.concatenate([self.calls[arm] for arm in baseline])
        warm = calls[(calls["due_ns"] < self.window.from_ns) & (calls["done_ns"] > 0)]
        if not warm.size:
            return 0
        took_ns = warm["done_ns"] - warm["due_ns"]
        return int(factor * np.quantile(took_ns, 0.99, method="higher"))

    def correct(
        self,
        stalls: Records,
        cpus: Sequence[int],
        to_ns: int,
        baseline: int,
        owners: Sequence[object] = (),
    ) -> StallCorrection:
        """Stage ``client`` without the stalls of ``cpus``, those that the services use.

        ``owners`` as in `correct_stalls`.
        """
        responded = [self._responded(arm) for arm in range(len(self.calls))]
        named = None
        if self.shares:
            kinds = [calls["kind"].astype(np.int64) for calls in responded]
            named = Named(kinds, np.array([*self.shares.values()]))
        correction = correct_stalls(
            [client_exchanges(calls) for calls in responded],
            stalls,
            self.window.from_ns,
            to_ns,
            (REQUEST_STAGES[0],),
            baseline,
            named,
            cpus,
            owners,
        )
        return client_correction(correction)

    def arrivals(self) -> list[Records]:
        """When requests of the window reached the services, by arm."""
        window = self.window
        return [
            arrivals(
                calls[(calls["sent_ns"] >= window.from_ns) & (calls["sent_ns"] < window.to_ns)]
            )
            for calls in self.calls
        ]

    def add_to(self, run: Run, arm: int, correction: StallCorrection | None, spike_ns: int) -> Run:
        """The run with the driver's numbers in place of the kernel's exchanges."""
        calls = self._responded(arm)
        whole, bands = client_stages(calls)
        kept = {s: one for s, one in run.histograms.items() if s not in REQUEST_STAGES}
        slow = _slow(calls, spike_ns)
        spikes = self._spikes(slow)
        return replace(
            run,
            histograms={CLIENT: whole, **kept},
            bands=bands,
            counters={
                **run.counters,
                **self._counts(arm, calls),
                "spikes": int(slow.size),
                "spikes_sent": len(spikes),
            },
            spikes=spikes,
            spike_threshold_ns=spike_ns,
            requests=self._requests(arm, calls, slow, correction),
        )

    def _requests(
        self, arm: int, calls: Records, slow: Records, correction: StallCorrection | None
    ) -> dict[str, RequestStages]:
        found = {}
        for kind, (name, weight) in enumerate(self.shares.items()):
            own = calls[calls["kind"] == kind]
            times, bands = client_stages(own)
            found[name] = RequestStages(
                weight=weight,
                exchanges=int(own.size),
                histograms={CLIENT: times},
                corrected=correction.named[arm][kind] if correction else None,
                spikes=int(np.count_nonzero(slow["kind"] == kind)),
                bands=bands,
            )
        return found

    def _responded(self, arm: int) -> Records:
        """Those due in the window whose response came."""
        calls, window = self.calls[arm], self.window
        due_ns = calls["due_ns"]
        inside = (due_ns >= window.from_ns) & (due_ns < window.to_ns)
        return np.asarray(calls[inside & (calls["done_ns"] > 0)])

    def _counts(self, arm: int, responded: Records) -> dict[str, int]:
        """The driver's, in place of the kernel's counts of exchanges."""
        calls = self.calls[arm]
        seen = int(np.count_nonzero(calls["sent_ns"] > 0))
        done = int(np.count_nonzero(calls["done_ns"] > 0))
        return {
            "seen": seen,
            "recorded": int(responded.size),
            "filtered": done - int(responded.size),
            "no_response": seen - done,
            "pending": 0,
            "dropped_map_full": 0,
            "overlapped": 0,
            "unread": 0,
            "log_lost": 0,
        }

    def _spikes(self, slow: Records) -> tuple[Spike, ...]:
        """As many as the probe would send up, the first ones; of which CPU is not known."""
        names = [*self.shares] or [""]
        return tuple(
            Spike(
                rx_first_ns=int(call["due_ns"]),
                stages_ns={CLIENT: int(call["done_ns"] - call["due_ns"])},
                peer="",
                cpu=0,
                request=names[int(call["kind"])],
            )
            for call in slow[:SPIKE_BUDGET]
        )


def _slow(calls: Records, spike_ns: int) -> Records:
    """Those that are spikes."""
    took_ns = calls["done_ns"] - calls["due_ns"]
    return np.asarray(calls[took_ns >= spike_ns] if spike_ns else calls[:0])


def expected_calls(
    rate_rps: float, arms: int, from_ns: int, to_ns: int, took_ns: int = 1
) -> Records:
    """What is due at a rate in [from, to) at each of the arms, as if each took ``took_ns``.

    Arrivals see time averages (Wolff 1982), so that even ones tell how many stay undisturbed.
    """
    due_ns = np.arange(from_ns, to_ns, max(1, round(1e9 / rate_rps)), dtype=np.int64)
    calls = np.zeros(arms * due_ns.size, dtype=CALL)
    calls["due_ns"] = calls["sent_ns"] = np.tile(due_ns, arms)
    calls["done_ns"] = calls["due_ns"] + max(1, took_ns)
    calls["arm"] = np.repeat(np.arange(arms), due_ns.size)
    return calls


def check_connections(arm: str, run: Run, missed: int) -> None:
    """Raises `InvalidMeasurement` (COUNT_MISMATCH) where the load did not go to that container.

    Every connection that the driver opened is one that the kernel saw the service accept, but for
    invocations of the probe that the kernel ``missed``.  Others may connect as well.
    """
    opened = run.load.answers.opened if run.load.answers else 0
    accepted = run.counters["connections"]
    if opened > accepted + missed:
        raise InvalidMeasurement(
            Reason.COUNT_MISMATCH,
            f"{arm}: the load driver opened {opened} connections, and the kernel saw the service "
            f"accept {accepted}",
            remedy="is service.port the port that responds?",
        )
