"""What the watch adds to a verdict over pairs: strands of evidence, and why a pass waits.

Where there is a watch, the part of alpha that rare spikes have is shared: by the spikes of the
pairs, by stops, and by what grows.  Their sum stays what it was; without a watch nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.names import SPIKES, STOPS
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.stop_verdict import GrowthVerdict, StopVerdict
from socklat_gate.measured.watch import Watch
from socklat_gate.verdict.clusters import ClusterIds
from socklat_gate.verdict.growth import JudgedGrowth, growth_name, growth_open, judge_growth
from socklat_gate.verdict.together import Strand
from socklat_gate.verdict.watch import JudgedStops, judge_stops

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Waiver

__all__ = ["JudgedWatch", "judge_watch", "spikes_alpha"]

OF_SPIKES, OF_STOPS, OF_GROWTH = 0.25, 0.55, 0.2
"""Parts of ``gate.alpha_spikes`` for spikes of pairs, stops and growth.

A stop that comes rarely is met by the watch much sooner than by pairs: with a quarter, these need
two more spikes.
"""


@dataclass(frozen=True, slots=True)
class JudgedWatch:
    """Stops and growth by themselves; ``ends_ns`` are when the clusters of pairs ended.

    Times are CLOCK_MONOTONIC.
    """

    stops: JudgedStops
    growth: Sequence[JudgedGrowth]
    ends_ns: Sequence[int]

    @property
    def open(self) -> ReasonFact | None:
        """Why a pass waits for the watch; None: it does not."""
        return self.stops.open or growth_open(self.growth)

    def strands(self, rounds: int) -> list[Strand]:
        """The evidence after each cluster, ``rounds`` times that, and as it is now."""
        last = self.ends_ns[-1:] or [0]
        times = [*self.ends_ns, *([*last] * rounds), self.stops.end_ns]
        stops = Strand(STOPS, 1.0 / self.stops.verdict.threshold, self.stops.log_evidence_at(times))
        return [
            stops,
            *(
                Strand(
                    growth_name(one.verdict.what),
                    1.0 / one.verdict.threshold,
                    one.log_evidence_at(times),
                )
                for one in self.growth
            ),
        ]

    def settled(self, named: Iterable[str]) -> tuple[StopVerdict, tuple[GrowthVerdict, ...]]:
        """The verdicts, failed where they are named."""
        found = frozenset(named)
        stops, grown = self.stops.verdict, [one.verdict for one in self.growth]
        failed = STOPS in found
        return replace(stops, failed=failed, undecided=stops.undecided and not failed), tuple(
            replace(one, failed=failed, undecided=one.undecided and not failed)
            for one, failed in zip(
                grown, [growth_name(one.what) in found for one in grown], strict=True
            )
        )


def spikes_alpha(gate: Gate, watch: Watch | None) -> float:
    """The part of alpha that the spikes of pairs have."""
    return gate.alpha_spikes * (1.0 if watch is None else OF_SPIKES)


def judge_watch(
    watch: Watch | None,
    pairs: Sequence[Pair],
    clusters: ClusterIds,
    gate: Gate,
    waived: Mapping[str, Waiver],
) -> JudgedWatch | None:
    """None where no fleet was up, or spikes are not judged."""
    if watch is None or not gate.spikes.enabled:
        return None
    stops = judge_stops(watch, pairs, gate, OF_STOPS * gate.alpha_spikes, waived.get(SPIKES))
    growth = judge_growth(watch, OF_GROWTH * gate.alpha_spikes, waived)
    return JudgedWatch(stops, growth, _ends_ns(pairs, clusters))


def _ends_ns(pairs: Sequence[Pair], clusters: ClusterIds) -> list[int]:
    """When each cluster's last run ended; never before the one before it."""
    ends = np.zeros(int(clusters.max(initial=-1)) + 1, dtype=np.int64)
    for pair, cluster in zip(pairs, clusters, strict=True):
        for run in (pair.baseline, pair.candidate):
            if cluster >= 0 and run.window_from_ns:
                end = run.window_from_ns + int(run.duration_s * 1e9)
                ends[cluster] = max(ends[cluster], end)
    return [int(end) for end in np.maximum.accumulate(ends)]
