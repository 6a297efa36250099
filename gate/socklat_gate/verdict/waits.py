"""Time that a service spends waiting for others: for dependencies, for servers in its container.

It is part of ``app`` (of ``respond`` too, where a response is passed on as it comes), but is kept
per request to the other rather than per exchange, so it has no bands: only its total per exchange,
over the whole distribution, can be held against the change of these.  Raw numbers throughout,
because it has no correction of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from socklat_gate.measured.attribution import StageShare
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run import Run
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.band_means import slice_means_ns
from socklat_gate.verdict.shares import Grouped, carries

__all__ = ["Waits", "waits_of"]

DEPEND, INTERNAL = "depend", "internal"
WAITING = ("app", "respond")
MAX_PORTS = 8


@dataclass(frozen=True, slots=True)
class Waits:
    """``depend``: on connections to other namespaces; ``internal``: on each port of its own.

    The share of the former is of the change of ``app``, of the latter of ``app`` and ``respond``.
    """

    depend: StageShare | None
    internal: Mapping[str, StageShare]

    def named(self, stage: str | None) -> tuple[str | None, str]:
        """What is named in place of ``stage``, where it carries a change, and the port if any.

        A dependency elsewhere before a server inside, which may have waited for it.
        """
        if stage == "app" and self.depend is not None and carries(self.depend):
            return DEPEND, ""
        found = {port: part for port, part in self.internal.items() if carries(part)}
        if stage in WAITING and found:
            return INTERNAL, max(found, key=lambda port: found[port].share)
        return stage, ""


def waits_of(pairs: Sequence[Pair], grouped: Grouped) -> Waits:
    """Over pairs whose runs all have exchanges.

    A stage that some run did not measure is left out: a mean over some pairs only is not
    comparable.
    """
    depend, internal = None, {}
    if _measured(pairs, DEPEND):
        of = grouped.change(_by_run(pairs, lambda run: _per_exchange(run, ("app",))))
        times = _by_run(pairs, lambda run: _spent_ns(run, run.histograms[DEPEND]))
        depend = grouped.share_of(DEPEND, times, of)
    if _measured(pairs, INTERNAL):
        of = grouped.change(_by_run(pairs, lambda run: _per_exchange(run, WAITING)))
        for port in _ports(pairs):
            internal[port] = grouped.share_of(INTERNAL, _on_port(pairs, port), of)
    return Waits(depend, internal)


def _measured(pairs: Sequence[Pair], stage: str) -> bool:
    runs = [pair.arm(arm) for pair in pairs for arm in ARMS]
    return all(stage in run.histograms and "app" in run.bands.stages for run in runs)


def _ports(pairs: Sequence[Pair]) -> list[str]:
    """Those on which most time was spent, by their numbers."""
    spent: dict[str, float] = {}
    for pair in pairs:
        for arm in ARMS:
            for port, times in pair.arm(arm).internal.items():
                spent[port] = spent.get(port, 0.0) + _total_ns(times)
    most = sorted(spent, key=lambda port: -spent[port])[:MAX_PORTS]
    return sorted(most, key=lambda port: (len(port), port))


def _by_run(pairs: Sequence[Pair], value: Callable[[Run], float]) -> Floats:
    """Shape (pairs, arms)."""
    return np.array([[value(pair.arm(arm)) for arm in ARMS] for pair in pairs])


def _on_port(pairs: Sequence[Pair], port: str) -> Floats:
    return _by_run(pairs, lambda run: _spent_ns(run, run.internal.get(port)))


def _per_exchange(run: Run, stages: Sequence[str]) -> float:
    """Mean ns per exchange of these stages together, as far as the bands have them."""
    known = [stage for stage in stages if stage in run.bands.stages]
    return float(slice_means_ns(run.bands, known, 0.0, 1.0).sum())


def _spent_ns(run: Run, times: Histogram | None) -> float:
    """Per exchange of the run."""
    return 0.0 if times is None else _total_ns(times) / float(run.bands.count.sum())


def _total_ns(times: Histogram) -> float:
    return times.mean_ns() * times.total if times.total else 0.0
