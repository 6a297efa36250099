"""What is done while the load runs: spikes armed, the log emptied, CPU time read, the end chosen.

A run lasts ``load.duration_s``, and longer while stalls leave too few undisturbed exchanges for a
gated quantile, up to ``load.max_duration_s``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from socklat_gate.job.cpu_readings import CpuReadings, CpuTime
from socklat_gate.job.driver_clock import DriverClock, expected_calls
from socklat_gate.job.exclusion import too_few_requests, too_few_undisturbed
from socklat_gate.job.named_requests import NamedRequests, request_shares, traffic_of
from socklat_gate.job.stacks import TracedCompanions
from socklat_gate.job.stall_labels import StallLabels, labels_of
from socklat_gate.load.bounds import longest_s, with_extension
from socklat_gate.load.load_driver import END_AHEAD_NS, LoadDriver, Window
from socklat_gate.measured.facts import Note
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.records import EXCHANGE, STALL, Records
from socklat_gate.probe.log_feeds import LogFeed
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.rate_steps import mean_rate
from socklat_gate.service.arm import RunningArm
from socklat_gate.stalls.correction import StallCorrection, correct_stalls, used_cpus
from socklat_gate.stalls.coupling import coupling

__all__ = ["Recorder"]

MAX_LOGGED = 1 << 20
"""Exchanges of a run that are logged one by one; of more, a random part is."""

SPARE = 1.1
CHECK_EVERY_NS = 500_000_000


class Recorder:
    """Records one run of ``arms``, slot by slot, from the start of its load to its end.

    `poll` is called several times a second while the load runs, `finish` once after it.
    """

    def __init__(
        self,
        probe: SocketProbe,
        scenario: Scenario,
        arms: Sequence[RunningArm],
        load: LoadDriver,
        companions: TracedCompanions,
    ) -> None:
        self._probe = probe
        self._scenario = scenario
        self._load = load
        self._companions = companions
        self._slots = range(len(arms))
        self._containers = arms[0].replicas
        self._candidate_alone = scenario.gate.interleave == "block" and [
            arm.arm for arm in arms
        ] == ["candidate"]
        self._arms = [arm.arm for arm in arms]
        self._in_order = sorted(self._slots, key=lambda slot: ARMS.index(arms[slot].arm))
        self._cpu = CpuReadings(probe, [arm.pid for arm in arms])
        self._window = Window(0, 0, 0)
        self._spike_ns = 0
        self._feed: LogFeed | None = None
        self._exchanges: list[Records] = []
        self._stalls: list[Records] = []
        self._named: NamedRequests | None = None
        self._by_driver: DriverClock | None = None
        self._checked_ns = 0
        self._end_chosen = False
        longest = longest_s(with_extension(scenario.load))
        self._longest_ns = round(longest * 1e9)
        expected = mean_rate(scenario.load) * len(arms) * longest
        self._log_mask = _log_mask_for(expected / MAX_LOGGED)
        self._traffic = traffic_of(scenario.load)
        self._shares = request_shares(scenario.load)
        self._several_streams = scenario.load.streams > 1
        self._by_slices = scenario.gate.interleave == "slice" and len(arms) > 1

    @property
    def window(self) -> Window:
        """The measured window; its end is the real one after `finish`."""
        return self._window

    @property
    def spike_ns(self) -> int:
        """The spike threshold of all arms; 0 without a warm-up."""
        return self._spike_ns

    @property
    def named(self) -> NamedRequests | None:
        """After `finish`: None where no request has a name, or there is no log to join with."""
        return self._named

    @property
    def by_driver(self) -> DriverClock | None:
        """After `finish`: None where the kernel tells exchanges apart."""
        return self._by_driver

    def prepare(self) -> None:
        """Before the load connects: what it sends then is counted, and recorded by nobody."""
        self._record()

    def open(self, window: Window) -> None:
        """The load starts."""
        self._window = window
        self._probe.set_load(self._load.pids())
        self._record()
        self._feed = self._probe.subscribe(self._slots)

    def poll(self) -> None:
        """Whatever is due now."""
        now_ns = time.monotonic_ns()
        self._drain()
        if not self._cpu.begun and now_ns > self._window.from_ns:
            if not self._several_streams:
                # Of the baseline, whoever started first: the candidate must not choose its own.
                p99_ns = self._probe.warmup_quantile_ns(self._of_arm(ARMS[0]), 0.99)
                self._spike_ns = int(self._scenario.probe.spike_factor * p99_ns)
            self._record()
            self._cpu.begin()
        if not self._end_chosen and now_ns >= self._checked_ns + CHECK_EVERY_NS:
            self._checked_ns = now_ns
            self._choose_end(now_ns)
        if now_ns > self._window.to_ns:
            self._cpu.end()

    def finish(self, sent: Records | None = None) -> tuple[StallCorrection | None, list[CpuTime]]:
        """Corrected distributions by arm, None when stalls are not watched; CPU time by arm.

        ``sent`` are `SENT` rows, where requests have names; `CALL` rows with several streams a
        connection.
        """
        self._drain()
        if self._feed is not None:
            self._probe.unsubscribe(self._feed)
        self._cpu.end()
        if self._several_streams:
            assert sent is not None, "a load with streams says what it sent"
            self._by_driver = self._of_calls(sent)
            factor = self._scenario.probe.spike_factor
            self._spike_ns = self._by_driver.spike_ns(self._of_arm(ARMS[0]), factor)
        used = self._cpu.times(self._by_driver)
        if not self._probe.watches_stalls:
            return None, used
        if sent is not None and not self._several_streams:
            self._named = NamedRequests.of(
                self._shares,
                self._logged()[0],
                sent,
                self._window,
                sampled=self._log_mask > 0,
            )
        return self._correct(self._named), used

    def stall_labels(self) -> StallLabels:
        """Whether stalls follow the requests of one arm, after `finish`."""
        slots, stalls = self._logged()
        cpus = used_cpus(np.concatenate(slots)["cpu"])
        if self._by_driver is not None:
            slots = self._by_driver.arrivals()
        arms = [np.concatenate([slots[at] for at in of_arm]) for of_arm in self._by_arm()]
        return labels_of(arms, stalls, cpus, self._scenario, self._window.from_ns)

    def coupling(self) -> float | None:
        """Share of exchanges that waited behind the other arm, after `finish`.

        None where the log cannot tell: of one arm, of a sample, of several streams a connection.
        """
        if self._log_mask or self._several_streams or not self._probe.watches_stalls:
            return None
        slots, _ = self._logged()
        return coupling([np.concatenate([slots[at] for at in arm]) for arm in self._by_arm()])

    def shortfall(self, correction: StallCorrection) -> Note | None:
        """A gated quantile rests on too few undisturbed exchanges; see `job.exclusion`."""
        length_s = (self._window.to_ns - self._window.from_ns) / 1e9
        return too_few_undisturbed(
            self._scenario.gate,
            correction,
            length_s,
            shares=self._shares,
            containers=self._containers,
        )

    def _of_arm(self, arm: str) -> list[int]:
        """Slots of its containers; of whatever arm there is where it has none."""
        return [slot for slot in self._slots if self._arms[slot] == arm] or [self._in_order[0]]

    def _by_arm(self) -> list[list[int]]:
        """Slots of the arms that are there, the baseline first."""
        return [self._of_arm(arm) for arm in ARMS if arm in self._arms]

    def _record(self) -> None:
        window = self._window
        for slot in self._slots:
            self._probe.record_between(
                slot, window.from_ns, window.to_ns, self._spike_ns, self._log_mask, self._traffic
            )
        self._companions.record(self._probe, window)

    def _drain(self) -> None:
        if self._feed is None:
            return
        exchanges, stalls = self._feed.drain()
        self._exchanges.append(exchanges)
        self._stalls.append(stalls)

    def _choose_end(self, now_ns: int) -> None:
        """Ends the window as planned, or later once enough exchanges were undisturbed."""
        planned_ns = self._window.from_ns + round(self._scenario.load.duration_s * 1e9)
        if now_ns + END_AHEAD_NS + CHECK_EVERY_NS < planned_ns:
            return
        if self._probe.watches_stalls:
            # Until then, what comes is expected to be as little disturbed as what came.
            passed_ns = max(1, now_ns - self._window.from_ns)
            planned, longest = (
                max(1.0, end_ns / passed_ns) / SPARE
                for end_ns in (planned_ns - self._window.from_ns, self._longest_ns)
            )
            gate, correction = self._scenario.gate, self._correct()
            # Slices so far say nothing of those to come: they may all be the other arm's, or were.
            if self._by_slices:
                planned = 1.0
            rest = self._shares, self._containers
            if too_few_undisturbed(gate, correction, passed_ns / 1e9, planned, *rest):
                return
            if too_few_requests(gate, correction, planned, *rest) and (
                self._by_slices or not too_few_requests(gate, correction, longest, *rest)
            ):
                return
        self._end_chosen = True
        self._window = self._load.end_at(max(planned_ns, now_ns + END_AHEAD_NS))
        self._record()

    def _correct(self, named: NamedRequests | None = None) -> StallCorrection:
        arms, stalls = self._logged()
        to_ns = min(self._window.to_ns, time.monotonic_ns())
        if self._several_streams:
            by_driver = self._by_driver or self._of_calls(self._expected(to_ns))
            cpus = used_cpus(np.concatenate(arms)["cpu"])
            correction = by_driver.correct(stalls, cpus, to_ns, self._in_order[0], self._arms)
        else:
            correction = correct_stalls(
                arms,
                stalls,
                self._window.from_ns,
                to_ns,
                self._probe.stages,
                self._in_order[0],
                named.for_correction() if named else None,
                owners=self._arms,
            )
        if not self._candidate_alone:
            return correction
        # How long the baseline's requests take is not known here: all calm arrivals count.
        return replace(correction, stands_for=float(correction.kept))

    def _of_calls(self, calls: Records) -> DriverClock:
        return DriverClock.of(calls, len(self._slots), self._window, self._shares)

    def _expected(self, to_ns: int) -> Records:
        """While the load runs only the driver knows of its requests.

        Of the kernel's exchanges the size of a latency is enough, and it is the baseline's.
        """
        rate = mean_rate(self._scenario.load) / (len(self._slots) if self._by_slices else 1)
        about_ns = self._probe.warmup_quantile_ns(self._of_arm(ARMS[0]), 0.5)
        return expected_calls(rate, len(self._slots), self._window.from_ns, to_ns, about_ns)

    def _logged(self) -> tuple[list[Records], Records]:
        """Exchanges by slot, and stalls."""
        exchanges = np.concatenate([np.zeros(0, EXCHANGE), *self._exchanges])
        stalls = np.concatenate([np.zeros(0, STALL), *self._stalls])
        return [exchanges[exchanges["target"] == slot] for slot in self._slots], stalls


def _log_mask_for(times_too_many: float) -> int:
    """The smallest 2**n - 1 that leaves no more than the bound."""
    return (1 << max(0, int(np.ceil(np.log2(max(times_too_many, 1.0)))))) - 1
