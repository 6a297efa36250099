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
from socklat_gate.verdict.log_ratios import pair_log_ratios

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate

__all__ = ["MIN_PAIRS", "Bools", "MetricTest", "first_pass", "metric_tests", "resample"]

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
        """Pairs until each job fails, inf when it does not; shape (jobs, pairs) -> (jobs,)."""
        evidence = running_fail_evidence_of_both(d, raw, self.d0, self.scale)
        return _first(evidence, self.threshold_fail)

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
    for row, metric in enumerate(gate.compared):
        for column, group in enumerate(groups.values()):
            ratios = pair_log_ratios(group, metric.stage, metric.quantile)
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


def resample(
    tests: Sequence[MetricTest], rng: np.random.Generator, jobs: int, length: int
) -> list[tuple[Floats, Floats]]:
    """For each metric corrected and raw log ratios, (jobs, length) each.

    Starts are drawn anew, arms swapped by coin flip.

    The metrics of a start stay together.
    """
    chosen = rng.integers(tests[0].d.size, size=(jobs, length))
    signs = rng.choice([-1.0, 1.0], (jobs, length))
    return [(test.d[chosen] * signs, test.raw[chosen] * signs) for test in tests]


def first_pass(let: Sequence[Bools]) -> Floats:
    """Pairs until each job passes, inf when it does not; from `MetricTest.lets_pass` of all."""
    return _first_reached(np.asarray(np.logical_and.reduce(let)))


def _first(log_evidence: Floats, threshold: float) -> Floats:
    return _first_reached(log_evidence >= math.log(threshold))


def _first_reached(reached: Bools) -> Floats:
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
