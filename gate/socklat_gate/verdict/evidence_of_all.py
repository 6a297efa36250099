"""Everything that is judged over pairs, taken together and settled: what failed, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.measured.capacity import CapacityStudy
from socklat_gate.measured.names import CAPACITY_RPS, SPIKES
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.stop_verdict import GrowthVerdict, StopVerdict
from socklat_gate.measured.verdict import CountVerdict, JointEvidence, SpikeVerdict
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.capacity import JudgedCapacity
from socklat_gate.verdict.clusters import ClusterIds
from socklat_gate.verdict.estimate import FURTHER_LIMIT, projected_evidence
from socklat_gate.verdict.evidence import as_e_value
from socklat_gate.verdict.judge import JudgedMetric, MetricEvidence, judge_metric
from socklat_gate.verdict.judged_count import JudgedCount
from socklat_gate.verdict.judged_watch import JudgedWatch
from socklat_gate.verdict.limits import JudgedLimit, failed_limit
from socklat_gate.verdict.metric_intervals import metric_intervals
from socklat_gate.verdict.spikes import JudgedSpikes
from socklat_gate.verdict.together import LIMIT, Strand, Together, carried_on, judge_together

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate

__all__ = ["Judged", "Weighed", "joint_evidence", "settle"]


@dataclass(frozen=True, slots=True)
class Weighed:
    """The evidence of metrics, limits, counts and spikes (None: not judged), not yet settled.

    ``approximate``: requests overlap, so that nothing fails by times.  ``capacity`` is that of
    rounds which came after all ``clusters`` of pairs (None: not judged), ``watch`` that of the
    fleet beside them (None: there is none).
    """

    metrics: Sequence[MetricEvidence]
    limits: Sequence[JudgedLimit]
    counts: Sequence[JudgedCount]
    spikes: JudgedSpikes | None
    approximate: bool
    capacity: JudgedCapacity | None = None
    clusters: int = 0
    watch: JudgedWatch | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The same with their verdicts, and how they stand ``together``.

    ``to_fail`` are further pairs until they fail together, if pairs to come resemble those seen.
    """

    metrics: list[JudgedMetric]
    limits: tuple[JudgedLimit, ...]
    counts: tuple[CountVerdict, ...]
    spikes: SpikeVerdict | None
    together: Together
    to_fail: int | None
    capacity: CapacityStudy | None = None
    stops: StopVerdict | None = None
    growth: tuple[GrowthVerdict, ...] = ()


def settle(weighed: Weighed, gate: Gate, budget: int) -> Judged:
    """Verdicts on all of it; ``budget`` in clusters."""
    together = judge_together(_strands(weighed, gate), gate.alpha)
    named = together.named
    intervals = metric_intervals(weighed.metrics, together.among)
    metrics = [
        judge_metric(one, gate, budget=budget, failed=one.metric.name in named, interval=interval)
        for one, interval in zip(weighed.metrics, intervals, strict=True)
    ]
    limits = tuple(
        failed_limit(one) if LIMIT + one.verdict.name in named else one for one in weighed.limits
    )
    stops, growth = weighed.watch.settled(named) if weighed.watch else (None, ())
    return Judged(
        metrics=metrics,
        limits=limits,
        counts=tuple(one.settled(failed=one.verdict.name in named) for one in weighed.counts),
        spikes=replace(weighed.spikes.verdict, failed=SPIKES in named) if weighed.spikes else None,
        together=together,
        to_fail=_to_fail(weighed, gate),
        capacity=weighed.capacity.settled(together.among.get(CAPACITY_RPS, 0))
        if weighed.capacity
        else None,
        stops=stops,
        growth=growth,
    )


def joint_evidence(
    together: Together, gate: Gate, pairs: Sequence[Pair], clusters: ClusterIds
) -> JointEvidence:
    """As a verdict carries it; rounds, and the watch, belong to the pair that they came after."""
    last = {int(cluster): pair.index for cluster, pair in zip(clusters, pairs, strict=True)}
    running = together.running.tolist()
    latest = max(last.values(), default=0)
    return JointEvidence(
        evidence=together.evidence,
        threshold=1.0 / gate.alpha,
        pairs=tuple(last.get(cluster, latest) for cluster in range(len(running))),
        trace=tuple(map(as_e_value, running)),
    )


def _strands(weighed: Weighed, gate: Gate) -> list[Strand]:
    """As `_strands_of_rounds`, and where there is a watch, as all of it stands now."""
    found = _strands_of_rounds(weighed, gate)
    if weighed.watch is None or weighed.approximate:
        return found
    rounds = weighed.capacity.running_fail.size if weighed.capacity else 0
    return [
        *(replace(one, log_evidence=_lasting(one.log_evidence, 1)) for one in found),
        *weighed.watch.strands(rounds),
    ]


def _strands_of_rounds(weighed: Weighed, gate: Gate) -> list[Strand]:
    """Over the clusters of pairs; where rounds followed, over these too, with the pairs' as last.

    E-values of pairs do not change in a round, nor the other way round: the mean stays one.
    """
    capacity = weighed.capacity
    if capacity is None:
        return _strands_of_pairs(weighed, gate)
    rounds = capacity.running_fail.size
    carried = Strand(
        CAPACITY_RPS,
        capacity.alpha,
        np.concatenate([np.zeros(weighed.clusters), capacity.running_fail]),
    )
    return [
        *(
            replace(one, log_evidence=_lasting(one.log_evidence, rounds))
            for one in _strands_of_pairs(weighed, gate)
        ),
        carried,
    ]


def _lasting(log_evidence: Floats, rounds: int) -> Floats:
    last = log_evidence[-1] if log_evidence.size else 0.0
    return np.concatenate([log_evidence, np.full(rounds, last)])


def _strands_of_pairs(weighed: Weighed, gate: Gate) -> list[Strand]:
    found = [Strand(one.verdict.name, one.alpha, one.log_evidence) for one in weighed.counts]
    if weighed.approximate:
        return found
    if weighed.spikes is not None:
        found.append(
            Strand(SPIKES, 1.0 / weighed.spikes.verdict.threshold, weighed.spikes.log_evidence)
        )
    found += [
        Strand(LIMIT + one.verdict.name, 1.0 / one.verdict.threshold_fail, one.above)
        for one in weighed.limits
        if not one.verdict.shortfalls
    ]
    found += [
        Strand(
            one.metric.name,
            gate.alpha_of(one.metric),
            # A start whose first pair is excluded has no start-up time, and lacks none.
            carried_on(one.running_fail, one.samples.complete),
        )
        for one in weighed.metrics
        if not one.ratios.shortfalls
    ]
    return found


def _to_fail(weighed: Weighed, gate: Gate) -> int | None:
    """By the metrics' evidence as it would grow; the rest stays what it is."""
    grown = [
        math.log(gate.alpha_of(one.metric))
        + projected_evidence(one.sample, one.zone.d0, one.zone.scale, FURTHER_LIMIT)
        for one in weighed.metrics
        if not one.ratios.shortfalls and one.sample.size
    ]
    if not grown or weighed.approximate:
        return None
    rest = [
        one.log_evidence[-1] + math.log(one.alpha)
        for one in _strands(replace(weighed, metrics=()), gate)
        if one.log_evidence.size
    ]
    total = np.logaddexp.reduce(np.array(grown), axis=0)
    if rest:
        total = np.logaddexp(total, np.logaddexp.reduce(np.array(rest)))
    reached = np.flatnonzero(total >= 0.0)
    return int(reached[0]) * gate.pairs_per_start if reached.size else None
