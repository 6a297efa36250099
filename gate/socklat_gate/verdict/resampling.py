"""Gate jobs resampled from recorded pairs, judged by the gate's own evidence, all jobs at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import MetricVerdict, Verdict
from socklat_gate.verdict.clusters import ClusterIds, cluster_ids, cluster_sums
from socklat_gate.verdict.decide import default_scale
from socklat_gate.verdict.evidence import Floats, log_factors, mixed, strictest
from socklat_gate.verdict.log_ratios import LogRatios, metric_log_ratios
from socklat_gate.verdict.metric_samples import MetricSamples, metric_samples
from socklat_gate.verdict.sample import Sample
from socklat_gate.verdict.starts import blocks_to_pass

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate

__all__ = [
    "MIN_PAIRS",
    "Bools",
    "MetricTest",
    "Resampled",
    "both_ways",
    "first_ends",
    "first_pass",
    "metric_tests",
    "resample",
    "running_products",
]

Bools = npt.NDArray[np.bool_]

MIN_PAIRS = 6
"""Fewest usable pairs to resample: with fewer, how far pairs differ is not known."""


@dataclass(frozen=True, slots=True)
class Resampled:
    """Jobs of resampled starts: which start comes when, and whether its arms are swapped.

    Shape (jobs, length) each.
    """

    chosen: npt.NDArray[np.intp]
    swapped: Bools


def both_ways(sample: Sample, zero: float, scale: float) -> Floats:
    """Logarithm of each start's factors as it is and with its arms swapped; (2, l, starts)."""
    return np.stack([log_factors(one, zero, scale) for one in (sample, sample.mirrored())])


def running_products(factors: Floats, chosen: npt.NDArray[np.intp], swapped: Bools) -> Floats:
    """Logarithm of the products over the starts that a job has seen; (l, jobs, length)."""
    which = np.where(swapped, 1, 0)
    drawn = [factors[:, lane][which, chosen] for lane in range(factors.shape[1])]
    return np.asarray(np.cumsum(drawn, axis=-1))


@dataclass(frozen=True, slots=True)
class MetricTest:
    """How one metric is judged, on the log scale; ``sample`` and ``raw`` have the starts."""

    name: str
    sample: Sample
    raw: Sample
    d0: float
    d1: float
    scale: float
    threshold_fail: float
    threshold_pass: float

    def first_fail(self, drawn: Resampled, effect: float = 0.0) -> Floats:
        """Pairs until each job fails by this metric alone, inf when it does not; shape (jobs,).

        ``effect`` is what the candidate is slower by than it was.
        """
        return first_reached(self.weighted(drawn, effect) >= 0.0)

    def weighted(self, drawn: Resampled, effect: float = 0.0) -> Floats:
        """Logarithm of the metric's part of alpha times its e-value; shape (jobs, pairs)."""
        evidence = mixed(self._fail(self.sample, drawn, effect))
        if self.raw is not self.sample:
            evidence = np.logaddexp(evidence, mixed(self._fail(self.raw, drawn, effect)))
            evidence -= math.log(2.0)
        return np.asarray(evidence - math.log(self.threshold_fail))

    def lets_pass(self, drawn: Resampled, effect: float = 0.0) -> Bools:
        """Whether each job may pass as far as this metric goes, after each pair."""
        passing = both_ways(self.sample, effect - self.d1, self.scale)
        evidence = mixed(running_products(passing, drawn.chosen, ~drawn.swapped))
        reached = evidence >= math.log(self.threshold_pass)
        if self.sample.containers == 1:
            reached = np.logical_or.accumulate(reached, axis=1)
        # Of blocks, what all of them say, from enough starts on (`verdict.starts`).
        reached[:, : max(0, blocks_to_pass(self.sample.containers, 1))] = False
        return np.asarray(reached & (strictest(self._fail(self.raw, drawn, effect)) <= 0.0))

    def _fail(self, sample: Sample, drawn: Resampled, effect: float) -> Floats:
        factors = both_ways(sample, self.d0 - effect, self.scale)
        return running_products(factors, drawn.chosen, drawn.swapped)


def metric_tests(used: Sequence[Pair], gate: Gate, verdict: Verdict) -> list[MetricTest]:
    """The metrics that enough clusters have, over the clusters that have all of those."""
    clusters = cluster_ids(used)
    by_name = metric_log_ratios(used, gate.compared)
    all_ratios = [by_name[metric.name] for metric in gate.compared]
    samples = [metric_samples(ratios, clusters) for ratios in all_ratios]
    there = np.array(
        [
            _whole(ratios, clusters) & one.complete
            for ratios, one in zip(all_ratios, samples, strict=True)
        ]
    )
    judged = np.flatnonzero(there.sum(axis=1) >= MIN_PAIRS)
    kept: Bools = np.logical_and.reduce(there[judged], axis=0)
    verdicts = {metric.name: metric for metric in verdict.metrics}
    return [
        _test(
            verdicts[gate.compared[row].name],
            samples[row],
            kept[samples[row].complete],
            default_scale(gate.compared[row]),
        )
        for row in judged
    ]


def _whole(ratios: LogRatios, clusters: ClusterIds) -> Bools:
    """Whether each cluster has all the numbers that are due."""
    lacking = cluster_sums(~ratios.usable & np.asarray(ratios.due, dtype=np.bool_), clusters)
    return np.asarray(lacking == 0)


def _test(judged: MetricVerdict, samples: MetricSamples, kept: Bools, scale: float) -> MetricTest:
    sample = samples.judged.taken(kept)
    return MetricTest(
        name=judged.name,
        sample=sample,
        raw=sample if samples.judged is samples.raw else samples.raw.taken(kept),
        d0=math.log1p(judged.tolerance),
        d1=math.log1p(judged.regression_threshold),
        scale=scale,
        threshold_fail=judged.threshold_fail,
        threshold_pass=judged.threshold_pass,
    )


def resample(starts: int, rng: np.random.Generator, jobs: int, length: int) -> Resampled:
    """Starts are drawn anew, arms swapped by coin flip; the metrics of a start stay together."""
    chosen = rng.integers(starts, size=(jobs, length))
    return Resampled(chosen, rng.random((jobs, length)) < 0.5)


def first_ends(tests: Sequence[MetricTest], drawn: Resampled) -> tuple[Floats, Floats]:
    """Pairs until each job fails by all metrics together, and until it passes; inf for never.

    As the gate decides (`verdict.together`), as far as metrics go.
    """
    together = np.full(drawn.chosen.shape, -np.inf)
    let = np.ones(drawn.chosen.shape, dtype=np.bool_)
    for test in tests:
        together = np.logaddexp(together, test.weighted(drawn))
        let &= test.lets_pass(drawn)
    return first_reached(together >= 0.0), first_reached(let)


def first_pass(let: Sequence[Bools]) -> Floats:
    """Pairs until each job passes, inf when it does not; from `MetricTest.lets_pass` of all."""
    return first_reached(np.asarray(np.logical_and.reduce(let)))


def first_reached(reached: Bools) -> Floats:
    """Pairs until each job, shape (jobs, pairs), first got there; inf for never."""
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
