from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.errors import Reason
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict.confidence_sequence import (
    LOW_THRESHOLD,
    PRECISION,
    Bound,
    lower_bounds,
)
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.evidence import running_fail_evidence, running_fail_evidence_of_both
from socklat_gate.verdict.sample import Sample, sample_of_units
from socklat_gate.wording.change_text import is_incomplete

from .builders import STEADY, pairs_with

SCALE = 0.05
NEEDED = math.log(800.0)
RNG = np.random.default_rng(6)


def bound(sample: Sample, raw: Sample | None = None, *, anchor: float = 0.02) -> Bound:
    other = sample if raw is None else raw
    largest = running_fail_evidence_of_both(sample, other, anchor, SCALE).max(initial=0.0)
    return Bound(sample, other, SCALE, NEEDED, anchor, bool(largest >= NEEDED))


def samples() -> list[Sample]:
    d = RNG.normal(0.03, 0.04, 30)
    return [
        Sample(d),
        Sample(d, RNG.uniform(0.005, 0.05, 30)),
        sample_of_units(RNG.normal(12.0, 0.05, (12, 2, 2)), RNG.uniform(0.01, 0.05, 12)),
        sample_of_units(RNG.normal(12.0, 0.05, (8, 2, 4))),
        Sample(np.full(12, 0.3), np.zeros(12)),
    ]


@pytest.mark.parametrize("which", range(5))
def test_the_bound_is_where_the_evidence_reaches_its_threshold(which: int) -> None:
    sample = samples()[which]
    (low,) = lower_bounds([bound(sample)])
    assert math.isfinite(low)
    step = 1.01 * PRECISION * SCALE
    inside, outside = (
        float(running_fail_evidence(sample, theta, SCALE).max()) for theta in (low, low + step)
    )
    assert inside >= NEEDED - 1e-9
    assert outside < NEEDED


def test_many_at_once_are_as_each_by_itself() -> None:
    found = [bound(one) for one in [*samples(), *samples()]]
    apart = [lower_bounds([one])[0] for one in found]
    assert lower_bounds(found) == pytest.approx(apart, abs=2 * PRECISION * SCALE)


def test_few_pairs_bound_nothing_and_a_block_of_four_does_with_two() -> None:
    assert lower_bounds([bound(Sample(np.full(9, 5.0))), bound(Sample(np.zeros(0)))]) == [
        -math.inf,
        -math.inf,
    ]
    units = np.zeros((2, 2, 4))
    units[:, 1] = 1.0
    (low,) = lower_bounds([bound(sample_of_units(units))])
    assert 0.02 < low < 1.0


def test_raw_numbers_count_as_much_as_corrected_ones() -> None:
    d = RNG.normal(0.1, 0.02, 20)
    one, other = Sample(d), Sample(d + 0.05)
    (low,) = lower_bounds([bound(one, other)])
    alone = lower_bounds([bound(one), bound(other)])
    assert alone[0] <= low <= alone[1]
    largest = running_fail_evidence_of_both(one, other, low, SCALE).max()
    assert largest >= NEEDED - 1e-9


@STEADY
@given(st.integers(0, 10_000), st.floats(0.0, 0.1), st.sampled_from([0.005, 0.02, 0.05]))
def test_the_interval_never_contradicts_the_verdict(seed: int, change: float, noise: float) -> None:
    rng = np.random.default_rng(seed)
    gate = Gate(
        metrics=[Metric(quantile=q, tolerance=0.02, regression_threshold=0.05) for q in (0.5, 0.9)]
    )
    verdict = decide(
        pairs_with(rng.normal(change, noise, int(rng.integers(1, 30)))),
        gate,
        budget_spent=Reason.BUDGET_PAIRS,
    )
    assert verdict.metrics
    for metric in verdict.metrics:
        assert metric.ci_low <= metric.change <= metric.ci_high
        below = metric.ci_high < metric.regression_threshold + 1e-9
        if metric.verdict is Outcome.REGRESSION:
            assert metric.ci_low > metric.tolerance - 1e-9
        elif metric.verdict is Outcome.PASS:
            assert below
        else:
            assert not below or math.isclose(metric.ci_high, metric.regression_threshold)
            if metric.ci_low > metric.tolerance + 1e-9:
                assert metric.evidence_fail >= LOW_THRESHOLD * (1 - 1e-9)
                assert is_incomplete(metric)
        if metric.improved:
            assert metric.ci_high <= 1 / (1 + metric.tolerance) - 1 + 1e-9


def test_the_estimate_of_a_change_that_moves_is_within_its_interval() -> None:
    gate = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
    (metric,) = decide(pairs_with([0.5] * 14 + [0.1] * 14), gate).metrics
    assert metric.ci_low > 0.35
    assert metric.ci_low <= metric.change <= metric.ci_high


def test_what_is_named_with_others_has_its_interval_above_the_tolerance() -> None:
    gate = Gate(
        metrics=[
            Metric(quantile=q / 100, tolerance=0.02, regression_threshold=0.05)
            for q in range(20, 80, 3)
        ],
        capacity=False,
    )
    verdict = decide(pairs_with([0.5] * 8), gate)
    assert all(one.verdict is Outcome.REGRESSION for one in verdict.metrics)
    # None has enough by itself.
    assert all(one.evidence_fail < one.threshold_fail for one in verdict.metrics)
    assert all(one.ci_low > one.tolerance for one in verdict.metrics)


@pytest.mark.parametrize("change", [-0.03, 0.0, 0.02, 0.08])
@pytest.mark.parametrize("kind", ["normal", "outliers"])
def test_it_holds_the_truth_at_all_looks_together(change: float, kind: str) -> None:
    rng = np.random.default_rng(19)
    jobs, pairs = 1500, 40
    d = 0.04 * rng.standard_normal((jobs, pairs))
    if kind == "outliers":
        d *= np.where(rng.random(d.shape) < 0.1, 5.0, 1.0)
    sample = Sample(d + change, 0.03 * np.exp(0.2 * rng.standard_normal(d.shape)))
    above = running_fail_evidence(sample, change, SCALE).max(axis=1) >= math.log(LOW_THRESHOLD)
    below = running_fail_evidence(sample.mirrored(), -change, SCALE).max(axis=1) >= math.log(20)
    missed = float((above | below).mean())
    assert missed <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / jobs)
    # It is as wide as it has to be, not wider: some do miss.
    assert missed > 0.005
