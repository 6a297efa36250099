"""Why a measurement is excluded: rules about the machine only, never about latencies.

Each returns None when its rule is kept.  `freezes.Freezes.note` and `recorder.Recorder.shortfall`
are two more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from socklat_gate.job.completeness import MAX_LOSS
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.pair import Noise
from socklat_gate.measured.run import LoadCounts, Run
from socklat_gate.probe.hook_table import ONLY_COUNTED
from socklat_gate.scenario.gating import Gate
from socklat_gate.scenario.load import Load

__all__ = ["excess_missed", "late_driver", "stalls_lost", "too_much_steal"]


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


def excess_missed(
    before: Mapping[str, int], after: Mapping[str, int], runs: Sequence[Run]
) -> Note | None:
    """The kernel missed more invocations of the probe than a measurement may lose.

    ``before`` and ``after`` count missed invocations by event.  It is not known whose they were,
    so that all are held against the run that saw least.
    """
    more = Counter(after) - Counter(before)
    missed = {event: count for event, count in more.items() if event not in ONLY_COUNTED}
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
