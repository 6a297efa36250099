"""Rare spikes as events: what counts as one, and how many there were in each run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.attribution import COMPONENTS
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.pair import ARMS, Pair, together
from socklat_gate.measured.run import Run, Spike
from socklat_gate.measured.run_values import latency_stage
from socklat_gate.verdict.arrays import Floats

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Spikes

__all__ = [
    "SpikeCounts",
    "count_pairs",
    "count_runs",
    "event_count",
    "main_part",
    "request_of_spikes",
    "stage_of_spikes",
    "threshold_ns",
]

QUIET_NS = 1_000_000_000
"""Exchanges that follow within this time belong to one event."""


LISTED = 10
"""Pairs that a note lists; of more it has the number."""


@dataclass(frozen=True, slots=True)
class SpikeCounts:
    """Events and exposure (s) by pair, both of shape (arms, pairs); ``notes`` on what is missing.

    Those of a block stand in the pair of replica 0.
    """

    events: Floats
    exposure_s: Floats
    notes: tuple[Note, ...]


def threshold_ns(pairs: Sequence[Pair], rule: Spikes) -> float:
    """The larger of the floor and a multiple of the p99.9 of the baseline's usual run, in ns.

    Of all exchanges: spikes are not corrected for the machine's stalls.  The usual run is the one
    in the middle: a few in which the machine stalled must not hide what comes in all others.
    """
    runs = [pair.baseline for pair in pairs]
    stage = latency_stage(runs)
    found = [run.histograms[stage] for run in runs if stage in run.histograms]
    tails_ns = [one.quantile_ns(0.999) for one in found if one.total]
    usual_ns = rule.factor * median(tails_ns) if tails_ns else 0.0
    return max(rule.floor_ms * 1e6, usual_ns)


def event_count(start_ns: npt.ArrayLike, length_ns: npt.ArrayLike) -> int:
    """Number of events: exchanges that overlap or follow within `QUIET_NS` are one."""
    start = np.asarray(start_ns, dtype=np.int64)
    if start.size == 0:
        return 0
    order = np.argsort(start, kind="stable")
    start = start[order]
    end = np.maximum.accumulate(start + np.asarray(length_ns, dtype=np.int64)[order])
    return 1 + int(np.count_nonzero(start[1:] - end[:-1] > QUIET_NS))


def count_pairs(pairs: Sequence[Pair], limit_ns: float) -> SpikeCounts:
    """Events of both arms, rows in the order of ARMS; what hit both at once counts for neither.

    Both arms of a pair are held against the same limit: what the probe sent up in both.  A pair
    whose probe had no threshold for sending spikes up has no exposure.

    In a block the containers of an arm count as one that is exposed for as long as the block lasts:
    each got a part of the load, and what stops several of them at once is one event.
    """
    events = np.zeros((len(ARMS), len(pairs)))
    exposure_s = np.zeros((len(ARMS), len(pairs)))
    not_watched: list[int] = []
    raised: list[int] = []
    unsent: list[int] = []
    shared: list[int] = []
    column = 0
    for block in together(pairs):
        index, at = block[0].index, column
        column += len(block)
        by_arm = [[pair.arm(arm) for pair in block] for arm in ARMS]
        runs = [run for of_arm in by_arm for run in of_arm]
        sent_ns = [run.spike_threshold_ns for run in runs]
        if not all(sent_ns):
            not_watched.append(index)
            continue
        if max(sent_ns) > limit_ns:
            raised.append(index)
        if any(_unsent(run) for run in runs):
            unsent.append(index)
        if any(spike.shared and spike.length_ns >= limit_ns for r in runs for spike in r.spikes):
            shared.append(index)
        exposure_s[:, at] = [max(run.duration_s for run in of_arm) for of_arm in by_arm]
        events[:, at] = [_events(of_arm, max(limit_ns, *sent_ns)) for of_arm in by_arm]
    notes = [
        Note(code, ", ".join(map(str, which[:LISTED])), {"pairs": len(which)})
        for which, code in (
            (not_watched, NoteCode.SPIKES_NOT_WATCHED),
            (raised, NoteCode.SPIKE_LIMIT_RAISED),
            (unsent, NoteCode.SPIKES_NOT_SENT),
            (shared, NoteCode.SPIKES_SHARED),
        )
        if which
    ]
    return SpikeCounts(events, exposure_s, tuple(notes))


def stage_of_spikes(pairs: Sequence[Pair], limit_ns: float) -> str:
    """The part of ``response`` in which the candidate's spikes spent most of their time, or ""."""
    runs = [pair.candidate for pair in pairs]
    return main_part(
        spike for run in runs for spike in _spikes_in(run, max(limit_ns, run.spike_threshold_ns))
    )


def main_part(spikes: Iterable[Spike]) -> str:
    """The part of ``response`` that has more than half of their time, or ""."""
    time_ns = dict.fromkeys(COMPONENTS, 0)
    for spike in spikes:
        for part, part_ns in spike.parts_ns.items():
            time_ns[part] += part_ns
    most = max(COMPONENTS, key=lambda part: time_ns[part])
    return most if time_ns[most] > sum(time_ns.values()) / 2 else ""


def request_of_spikes(pairs: Sequence[Pair]) -> str:
    """The named request that most of the spikes were responses to which the candidate has more.

    "" where none stands out.  All that the probe sent up are counted.
    """
    more: dict[str, int] = {}
    for pair in pairs:
        for run, sign in ((pair.candidate, 1), (pair.baseline, -1)):
            for name, part in run.requests.items():
                more[name] = more.get(name, 0) + sign * part.spikes
    risen = {name: count for name, count in more.items() if count > 0}
    most = max(risen, key=lambda name: risen[name], default="")
    return most if most and risen[most] > sum(risen.values()) / 2 else ""


def count_runs(runs: Sequence[Run], limit_ns: float) -> tuple[Floats, Floats]:
    """Events and exposure (s) of the stored runs that sent up all that lies above the limit."""
    usable = [run for run in runs if 0 < run.spike_threshold_ns <= limit_ns]
    events = np.array([_events([run], limit_ns) for run in usable], dtype=np.float64)
    return events, np.array([run.duration_s for run in usable], dtype=np.float64)


def _events(runs: Sequence[Run], limit_ns: float) -> int:
    """Of runs at the same time, clustered over all of them by moment."""
    slow = [
        (spike.rx_first_ns, spike.length_ns) for run in runs for spike in _spikes_in(run, limit_ns)
    ]
    return event_count(*zip(*slow, strict=True)) if slow else 0


def _spikes_in(run: Run, limit_ns: float) -> Iterator[Spike]:
    return (s for s in run.spikes if s.length_ns >= limit_ns and not s.shared)


def _unsent(run: Run) -> bool:
    return run.counters.get("spikes", 0) > len(run.spikes)
