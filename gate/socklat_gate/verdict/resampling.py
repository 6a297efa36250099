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
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.decide import default_scale
from socklat_gate.verdict.evidence import (
    Floats,
    running_fail_evidence,
    running_fail_evidence_of_both,
    running_pass_evidence,
)
from socklat_gate.verdict.log_ratios import metric_log_ratios

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate

__all__ = [
    "MIN_PAIRS",
    "Bools",
    "MetricTest",
    "Resampled",
    "first_ends",
    "first_pass",
    "metric_tests",
    "resample",
]

Bools = npt.NDArray[np.bool_]

MIN_PAIRS = 6
"""Fewest usable pairs to resample: with fewer, how far pairs differ is not known."""


@dataclass(frozen=True, slots=True)
class MetricTest:
    """How one metric is judged, on the log scale; ``d`` and ``raw`` have shape (starts,)."""

    name: str
    d: Floats
    raw: Floats
    d0: float
    d1: float
    scale: float
    threshold_fail: float
    threshold_pass: float

    def first_fail(self, d: Floats, raw: Floats) -> Floats:
        """Pairs until each job fails by this metric alone, inf when it does not.

        Shape (jobs, pairs) -> (jobs,).
        """
        return first_reached(self.weighted(d, raw) >= 0.0)

    def weighted(self, d: Floats, raw: Floats) -> Floats:
        """Logarithm of the metric's part of alpha times its e-value; shape (jobs, pairs)."""
        evidence = running_fail_evidence_of_both(d, raw, self.d0, self.scale)
        return evidence - math.log(self.threshold_fail)

    def lets_pass(self, d: Floats, raw: Floats) -> Bools:
        """Whether each job may pass as far as this metric goes, after each pair."""
        evidence = running_pass_evidence(d, self.d1, self.scale)
        reached = np.logical_or.accumulate(evidence >= math.log(self.threshold_pass), axis=1)
        return np.asarray(reached & (running_fail_evidence(raw, self.d0, self.scale) <= 0.0))


def metric_tests(used: Sequence[Pair], gate: Gate, verdict: Verdict) -> list[MetricTest]:
    """The metrics that enough clusters have, over the clusters that have all of those."""
    groups: dict[int, list[Pair]] = {}
    for unit, pair in zip(cluster_ids(used), used, strict=True):
        groups.setdefault(int(unit), []).append(pair)
    found = np.full((len(gate.compared), 2, len(groups)), np.nan)
    for column, group in enumerate(groups.values()):
        of_group = metric_log_ratios(group, gate.compared)
        for row, metric in enumerate(gate.compared):
            ratios = of_group[metric.name]
            if ratios.log_ratios.size and not ratios.shortfalls:
                found[row, :, column] = ratios.log_ratios.mean(), ratios.raw.mean()
    there = np.isfinite(found).all(axis=1)
    judged = np.flatnonzero(there.sum(axis=1) >= MIN_PAIRS)
    both = found[judged][:, :, there[judged].all(axis=0)]
    scales = [default_scale(gate.compared[row]) for row in judged]
    by_name = {metric.name: metric for metric in verdict.metrics}
    judgements = [by_name[gate.compared[row].name] for row in judged]
    return [_test(*one) for one in zip(judgements, both, scales, strict=True)]


def _test(judged: MetricVerdict, both: Floats, scale: float) -> MetricTest:
    return MetricTest(
        name=judged.name,
        d=both[0],
        raw=both[1],
        d0=math.log1p(judged.tolerance),
        d1=math.log1p(judged.regression_threshold),
        scale=scale,
        threshold_fail=judged.threshold_fail,
        threshold_pass=judged.threshold_pass,
    )


@dataclass(frozen=True, slots=True)
class Resampled:
    """Jobs of resampled starts: which start comes when, and with which sign; (jobs, length)."""

    chosen: npt.NDArray[np.intp]
    signs: Floats

    def of(self, test: MetricTest) -> tuple[Floats, Floats]:
        """Corrected and raw log ratios of a metric in the jobs, (jobs, length) each."""
        return test.d[self.chosen] * self.signs, test.raw[self.chosen] * self.signs


def resample(starts: int, rng: np.random.Generator, jobs: int, length: int) -> Resampled:
    """Starts are drawn anew, arms swapped by coin flip; the metrics of a start stay together."""
    chosen = rng.integers(starts, size=(jobs, length))
    return Resampled(chosen, rng.choice([-1.0, 1.0], (jobs, length)))


def first_ends(tests: Sequence[MetricTest], drawn: Resampled) -> tuple[Floats, Floats]:
    """Pairs until each job fails by all metrics together, and until it passes; inf for never.

    As the gate decides (`verdict.together`), as far as metrics go.
    """
    together = np.full(drawn.chosen.shape, -np.inf)
    let = np.ones(drawn.chosen.shape, dtype=np.bool_)
    for test in tests:
        d, raw = drawn.of(test)
        together = np.logaddexp(together, test.weighted(d, raw))
        let &= test.lets_pass(d, raw)
    return first_reached(together >= 0.0), first_reached(let)


def first_pass(let: Sequence[Bools]) -> Floats:
    """Pairs until each job passes, inf when it does not; from `MetricTest.lets_pass` of all."""
    return first_reached(np.asarray(np.logical_and.reduce(let)))


def first_reached(reached: Bools) -> Floats:
    """Pairs until each job, shape (jobs, pairs), first got there; inf for never."""
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
