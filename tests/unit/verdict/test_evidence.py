from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from socklat_gate.verdict.evidence import (
    RATES,
    as_e_value,
    fail_evidence,
    pass_evidence,
    running_fail_evidence,
    running_fail_evidence_of_both,
    running_pass_evidence,
)

from .builders import STEADY

SCALE = 0.05
log_ratio = st.floats(-2, 2)
log_ratios = st.lists(log_ratio, min_size=1, max_size=12)
JOBS, PAIRS = 2000, 40


def three_sigma(rate: float) -> float:
    return rate + 3 * math.sqrt(rate * (1 - rate) / JOBS)


def symmetric_noise(kind: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = 0.05 * rng.standard_normal((JOBS, PAIRS))
    if kind == "outliers":
        noise *= np.where(rng.random((JOBS, PAIRS)) < 0.1, 5.0, 1.0)
    if kind == "cauchy":
        noise = 0.05 * rng.standard_cauchy((JOBS, PAIRS))
    return noise


def test_formula_as_written_in_the_definition() -> None:
    d, d0 = np.array([0.01, 0.07, -0.02]), 0.02
    products = [np.prod(2 * expit(2 * rate / SCALE * (d - d0))) for rate in RATES]
    assert math.exp(fail_evidence(d, d0, SCALE)) == pytest.approx(np.mean(products), rel=1e-12)
    products = [np.prod(2 * expit(-2 * rate / SCALE * (d - d0))) for rate in RATES]
    assert math.exp(pass_evidence(d, d0, SCALE)) == pytest.approx(np.mean(products), rel=1e-12)


def test_no_pairs_are_no_evidence() -> None:
    assert fail_evidence([], 0.02, SCALE) == 0.0
    assert pass_evidence([], 0.05, SCALE) == 0.0
    assert running_fail_evidence([], 0.02, SCALE).shape == (0,)


def test_a_pair_at_the_limit_is_no_evidence() -> None:
    assert fail_evidence([0.02], 0.02, SCALE) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_no_numbers_are_refused(bad: float) -> None:
    for evidence in (fail_evidence, pass_evidence, running_fail_evidence, running_pass_evidence):
        with pytest.raises(ValueError, match="NaN or infinite"):
            evidence([0.0, bad], 0.02, SCALE)
        with pytest.raises(ValueError, match="limit"):
            evidence([0.0], bad, SCALE)
        with pytest.raises(ValueError, match="scale"):
            evidence([0.0], 0.02, bad)


def test_shapes_and_scales_are_checked() -> None:
    with pytest.raises(ValueError, match="positive"):
        fail_evidence([0.0], 0.02, 0.0)
    with pytest.raises(ValueError, match="shape"):
        fail_evidence([[0.0]], 0.02, SCALE)
    with pytest.raises(ValueError, match="shape"):
        running_fail_evidence(0.0, 0.02, SCALE)


def test_huge_evidence_does_not_overflow() -> None:
    log_evidence = fail_evidence(np.full(5000, 1e6), 0.02, SCALE)
    assert log_evidence == pytest.approx(5000 * math.log(2))
    assert as_e_value(log_evidence) == sys.float_info.max
    assert 0 < as_e_value(fail_evidence(np.full(5000, -1e6), 0.02, SCALE)) < 1e-300
    assert as_e_value(0.0) == 1.0
    with pytest.raises(ValueError, match="NaN"):
        as_e_value(math.nan)


@STEADY
@given(log_ratios, st.floats(-1, 1))
def test_swapping_the_arms_mirrors_the_evidence(d: list[float], limit: float) -> None:
    swapped = -np.array(d)
    assert pass_evidence(swapped, -limit, SCALE) == fail_evidence(d, limit, SCALE)
    assert fail_evidence(swapped, -limit, SCALE) == pass_evidence(d, limit, SCALE)


@STEADY
@given(log_ratios, st.integers(0, 11), st.floats(0, 1))
def test_evidence_grows_with_every_pair(d: list[float], which: int, more: float) -> None:
    slower = list(d)
    slower[which % len(d)] += more
    assert fail_evidence(slower, 0.02, SCALE) >= fail_evidence(d, 0.02, SCALE) - 1e-9
    assert pass_evidence(slower, 0.05, SCALE) <= pass_evidence(d, 0.05, SCALE) + 1e-9


@STEADY
@given(log_ratios)
def test_running_evidence_ends_where_the_whole_does(d: list[float]) -> None:
    running = running_fail_evidence(d, 0.02, SCALE)
    assert running.shape == (len(d),)
    for n in range(1, len(d) + 1):
        assert running[n - 1] == pytest.approx(fail_evidence(d[:n], 0.02, SCALE), abs=1e-9)
        assert running[n - 1] <= n * math.log(2) + 1e-12
    assert fail_evidence(sorted(d), 0.02, SCALE) == pytest.approx(running[-1], abs=1e-9)


def test_running_evidence_takes_jobs_by_pairs() -> None:
    d = np.random.default_rng(3).normal(0, 0.05, (4, 7))
    together = running_pass_evidence(d, 0.05, SCALE)
    assert together.shape == (4, 7)
    for job in range(4):
        np.testing.assert_allclose(together[job], running_pass_evidence(d[job], 0.05, SCALE))


@STEADY
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_the_mean_over_all_coin_flips_is_exactly_one(size: list[float]) -> None:
    flips = np.array(np.meshgrid(*[[-1.0, 1.0]] * len(size))).reshape(len(size), -1).T
    evidence = running_fail_evidence(0.02 + flips * np.array(size), 0.02, SCALE)[:, -1]
    assert np.exp(evidence).mean() == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("kind", ["normal", "outliers", "cauchy"])
def test_false_fails_stay_below_alpha_with_a_look_after_every_pair(kind: str) -> None:
    noise = symmetric_noise(kind, 11)
    for change in (0.0, 0.02):
        ever = running_fail_evidence(noise + change, 0.02, SCALE).max(axis=1) >= math.log(100)
        assert ever.mean() <= three_sigma(0.01)


@pytest.mark.parametrize("kind", ["normal", "outliers", "cauchy"])
def test_false_passes_stay_below_alpha_pass_with_a_look_after_every_pair(kind: str) -> None:
    d = symmetric_noise(kind, 12) + 0.05
    ever = running_pass_evidence(d, 0.05, SCALE).max(axis=1) >= math.log(20)
    assert ever.mean() <= three_sigma(0.05)
    # The rate is used, not wasted: a test that never passes would also satisfy the bound.
    assert ever.mean() > 0.005


def test_a_large_change_is_found_and_no_change_passes() -> None:
    noise = symmetric_noise("normal", 13)
    found = running_fail_evidence(noise + 0.15, 0.02, SCALE).max(axis=1) >= math.log(300)
    passed = running_pass_evidence(noise, 0.08, SCALE).max(axis=1) >= math.log(20)
    assert found.mean() > 0.99
    assert passed.mean() > 0.99


@STEADY
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=5))
def test_evidence_of_both_is_an_e_value_however_the_two_hang_together(
    sizes: list[tuple[float, float]],
) -> None:
    flips = np.array(np.meshgrid(*[[-1.0, 1.0]] * len(sizes))).reshape(len(sizes), -1).T
    corrected, raw = (0.02 + flips * np.array(part) for part in zip(*sizes, strict=True))
    evidence = running_fail_evidence_of_both(corrected, raw, 0.02, SCALE)[:, -1]
    assert np.exp(evidence).mean() == pytest.approx(1.0, rel=1e-9)


def test_evidence_of_both_is_that_of_one_when_nothing_was_corrected() -> None:
    d = np.random.default_rng(3).normal(0, 0.05, 9)
    one = running_fail_evidence(d, 0.02, SCALE)
    assert np.array_equal(running_fail_evidence_of_both(d, d, 0.02, SCALE), one)
    worst = running_fail_evidence_of_both(d, d - 100.0, 0.02, SCALE)
    assert np.all(worst >= one - math.log(2.0) - 1e-12)
