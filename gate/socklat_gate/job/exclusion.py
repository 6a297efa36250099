"""Why a measurement is excluded: rules about the machine only, never about latencies.

Each returns None when its rule is kept.  `freezes.Freezes.note` is one more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from socklat_gate.job.completeness import MAX_LOSS
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.pair import Noise
from socklat_gate.measured.run import Run
from socklat_gate.probe.hook_table import ONLY_COUNTED
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.scenario.load import Load
from socklat_gate.stalls.correction import StallCorrection
from socklat_gate.verdict.judged_values import least_exceeding

__all__ = [
    "excess_missed",
    "late_driver",
    "missed_invocations",
    "stalls_lost",
    "too_few_requests",
    "too_few_undisturbed",
    "too_much_steal",
]


NO_NAMES: Mapping[str, float] = {}


def too_much_steal(gate: Gate, noise: Noise) -> Note | None:
    """The hypervisor took more of the CPU time than ``gate.max_steal``."""
    if noise.steal <= gate.max_steal:
        return None
    return Note(NoteCode.STEAL, numbers={"share": noise.steal, "limit": gate.max_steal})


def late_driver(load: Load, counts: Sequence[LoadCounts]) -> Note | None:
    """The driver itself woke up later than ``load.max_late_ms``: no evidence about the service."""
    worst_ms = max((count.late_p99_ns for count in counts), default=0) / 1e6
    if worst_ms <= load.max_late_ms:
        return None
    return Note(NoteCode.LATE_DRIVER, numbers={"late_ms": worst_ms, "limit_ms": load.max_late_ms})


def missed_invocations(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Invocations of the probe that the kernel missed meanwhile and exchanges rest on, by event."""
    more = Counter(after) - Counter(before)
    return {event: count for event, count in more.items() if event not in ONLY_COUNTED}


def excess_missed(
    before: Mapping[str, int], after: Mapping[str, int], runs: Sequence[Run]
) -> Note | None:
    """The kernel missed more invocations of the probe than a measurement may lose.

    ``before`` and ``after`` count missed invocations by event.  It is not known whose they were,
    so that all are held against the run that saw least.
    """
    missed = missed_invocations(before, after)
    seen = min(run.counters["seen"] for run in runs)
    total = sum(missed.values())
    if total <= MAX_LOSS * seen:
        return None
    events = ", ".join(f"{event} {count}" for event, count in sorted(missed.items()))
    numbers = {"invocations": total, "exchanges": seen}
    return Note(NoteCode.MISSED_INVOCATIONS, events, numbers)


def stalls_lost(count: int) -> Note | None:
    """Stalls are not known, so that nothing can be corrected for them."""
    return Note(NoteCode.STALLS_LOST, numbers={"stalls": count}) if count else None


def too_few_undisturbed(
    gate: Gate,
    correction: StallCorrection,
    length_s: float,
    factor: float = 1.0,
    shares: Mapping[str, float] = NO_NAMES,
    containers: int = 1,
) -> Note | None:
    """A gated quantile rests on too few undisturbed exchanges, though requests were enough.

    How many there are is taken from the stalls, the arrivals and the baseline's latencies; those of
    the candidate have no part in it.  ``factor`` times as many as there are are counted; of a named
    request, its part by ``shares``; each of an arm's ``containers`` needs its part.
    """
    needed = least_exceeding(containers)
    for metric, quantile, arm in _quantiles(gate, correction):
        tail = factor * (1.0 - quantile) * shares.get(metric.request or "", 1.0)
        beyond = tail * correction.undisturbed(arm, metric.stage)
        requests = tail * correction.measured(arm, metric.stage)
        if beyond < needed <= requests:
            numbers = {
                "exchanges": beyond,
                "needed": needed,
                "length_s": length_s,
                "needed_s": length_s * needed / max(beyond, 1.0),
            }
            return Note(NoteCode.TOO_FEW_UNDISTURBED, metric.name, numbers)
    return None


def too_few_requests(
    gate: Gate,
    correction: StallCorrection,
    factor: float = 1.0,
    shares: Mapping[str, float] = NO_NAMES,
    containers: int = 1,
) -> bool:
    """Whether a gated quantile would lack requests on the quietest machine: nothing to exclude."""
    return any(
        factor
        * shares.get(metric.request or "", 1.0)
        * correction.measured(arm, metric.stage)
        * (1.0 - quantile)
        < least_exceeding(containers)
        for metric, quantile, arm in _quantiles(gate, correction)
    )


def _quantiles(gate: Gate, correction: StallCorrection) -> Iterator[tuple[Metric, float, int]]:
    for metric in gate.metrics:
        if metric.quantile is not None:
            yield from ((metric, metric.quantile, arm) for arm in range(len(correction.corrected)))
