from __future__ import annotations

import math
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from socklat_gate.verdict.evidence import (
    RATES,
    WEIGHTED_RATES,
    as_e_value,
    fail_evidence,
    log_factors,
    mixed,
    pass_evidence,
    running_fail_evidence,
    running_fail_evidence_of_both,
    running_pass_evidence,
    strictest_fail_evidence,
)
from socklat_gate.verdict.sample import Sample, sample_of_units

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


def weighted(d: np.ndarray, errors: np.ndarray) -> Sample:
    return Sample(np.asarray(d, dtype=np.float64), np.asarray(errors, dtype=np.float64))


def test_weighted_formula_as_written_in_the_definition() -> None:
    d, s, d0 = np.array([0.01, 0.07, -0.02]), np.array([0.003, 0.02, 0.1]), 0.02
    v = (1.4 * s) ** 2 + (0.1 * SCALE) ** 2
    even = [np.prod(2 * expit(2 * rate / SCALE * (d - d0))) for rate in RATES]
    other = [np.prod(2 * expit(2 * r * SCALE / v * (d - d0))) for r in WEIGHTED_RATES]
    expected = (np.mean(even) + np.mean(other)) / 2
    assert math.exp(fail_evidence(weighted(d, s), d0, SCALE)) == pytest.approx(expected, rel=1e-12)
    strict = max(np.mean(even), np.mean(other))
    found = strictest_fail_evidence(weighted(d, s), d0, SCALE)
    assert math.exp(found) == pytest.approx(strict, rel=1e-12)


@STEADY
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6))
def test_weighted_evidence_is_one_in_the_mean_over_all_coin_flips(
    pairs: list[tuple[float, float]],
) -> None:
    size, errors = np.array(pairs).T
    flips = np.array(np.meshgrid(*[[-1.0, 1.0]] * len(size))).reshape(len(size), -1).T
    sample = weighted(0.02 + flips * size, np.broadcast_to(errors, flips.shape))
    evidence = running_fail_evidence(sample, 0.02, SCALE)[:, -1]
    assert np.exp(evidence).mean() == pytest.approx(1.0, rel=1e-9)


def test_a_pair_of_which_nothing_is_known_has_no_weight() -> None:
    sample = weighted(np.array([5.0, -5.0]), np.array([math.inf, math.inf]))
    factors = log_factors(sample, 0.0, SCALE)
    np.testing.assert_array_equal(factors[len(RATES) :], 0.0)
    # Half of the evidence at most is lost by it.
    found = fail_evidence(weighted(np.full(20, 5.0), np.full(20, math.inf)), 0.0, SCALE)
    assert found == pytest.approx(19 * math.log(2), abs=1e-3)


@pytest.mark.parametrize("kind", ["normal", "outliers", "cauchy"])
@pytest.mark.parametrize("follows", [False, True])
def test_error_rates_hold_whatever_the_errors_are(kind: str, follows: bool) -> None:
    """Wrong by a factor of ten, or as large as the very noise of the pair."""
    noise = symmetric_noise(kind, 14)
    rng = np.random.default_rng(15)
    errors = 0.05 * 10.0 ** rng.uniform(-1, 1, noise.shape)
    if follows:
        errors = np.abs(noise)
    for change in (0.0, 0.02):
        evidence = running_fail_evidence(weighted(noise + change, errors), 0.02, SCALE)
        assert (evidence.max(axis=1) >= math.log(100)).mean() <= three_sigma(0.01)
    passing = running_pass_evidence(weighted(noise + 0.05, errors), 0.05, SCALE)
    assert (passing.max(axis=1) >= math.log(20)).mean() <= three_sigma(0.05)


def test_known_precision_finds_sooner_what_pairs_of_any_precision_hide() -> None:
    rng = np.random.default_rng(16)
    errors = 0.05 * 10.0 ** rng.uniform(-1, 1, (500, 80))
    d = 0.06 + errors * rng.standard_normal(errors.shape)
    known, unknown = (
        (running_fail_evidence(one, 0.02, SCALE) >= math.log(800))[:, :40].any(axis=1).mean()
        for one in (weighted(d, errors), d)
    )
    assert known > 0.9
    assert unknown < 0.5


def swaps_of(values: np.ndarray) -> np.ndarray:
    """One block's containers under every labeling, (labelings, 2, k)."""
    flat, k = values.ravel(), values.size // 2
    rows = []
    for chosen in combinations(range(2 * k), k):
        rest = [at for at in range(2 * k) if at not in chosen]
        rows.append([flat[rest], flat[list(chosen)]])
    return np.array(rows)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("with_errors", [False, True])
def test_the_mean_over_all_labelings_of_a_block_is_exactly_one(k: int, with_errors: bool) -> None:
    rng = np.random.default_rng(k)
    d0 = 0.02
    equal = swaps_of(rng.normal(12.0, 0.05, 2 * k))
    shifted = equal + np.array([0.0, d0])[:, np.newaxis]
    errors = np.full(len(shifted), 0.01) if with_errors else None
    factors = np.exp(log_factors(sample_of_units(shifted, errors), d0, SCALE))
    np.testing.assert_allclose(factors.mean(axis=1), 1.0, rtol=1e-9)
    smaller = equal + np.array([0.0, 0.5 * d0])[:, np.newaxis]
    factors = np.exp(log_factors(sample_of_units(smaller, errors), d0, SCALE))
    assert np.all(factors.mean(axis=1) < 1.0)
    factors = np.exp(log_factors(sample_of_units(shifted, errors).mirrored(), -d0, SCALE))
    np.testing.assert_allclose(factors.mean(axis=1), 1.0, rtol=1e-9)


def test_two_blocks_of_two_are_one_in_the_mean_over_all_labelings_of_both() -> None:
    rng = np.random.default_rng(8)
    one, other = (swaps_of(rng.normal(12.0, 0.05, 4)) for _ in range(2))
    total = [
        math.exp(fail_evidence(sample_of_units(np.array([a, b])), 0.0, SCALE))
        for a in one
        for b in other
    ]
    assert np.mean(total) == pytest.approx(1.0, rel=1e-9)


def test_a_block_of_one_and_one_is_a_pair() -> None:
    units = np.random.default_rng(9).normal(12.0, 0.05, (7, 2, 1))
    errors = np.linspace(0.01, 0.05, 7)
    d = units[:, 1, 0] - units[:, 0, 0]
    np.testing.assert_allclose(
        running_fail_evidence(sample_of_units(units, errors), 0.02, SCALE),
        running_fail_evidence(weighted(d, errors), 0.02, SCALE),
        rtol=1e-9,
    )
    # And the formula of blocks at k = 1 is that of pairs.
    one = Sample(d, errors, d[:, np.newaxis], np.ones(1))
    np.testing.assert_allclose(
        log_factors(one, 0.02, SCALE), log_factors(weighted(d, errors), 0.02, SCALE), atol=1e-9
    )


@STEADY
@given(
    st.integers(1, 4),
    st.integers(0, 999),
    st.floats(-1, 1),
    st.floats(0, 1),
)
def test_a_slower_candidate_gives_a_block_more_evidence(
    k: int, seed: int, shift: float, more: float
) -> None:
    units = np.random.default_rng(seed).normal(12.0, 0.1, (3, 2, k))
    sample = sample_of_units(units, [0.01, 0.1, 1.0]).shifted(shift)
    slower = sample.shifted(more)
    assert np.all(log_factors(slower, 0.02, SCALE) >= log_factors(sample, 0.02, SCALE) - 1e-9)


@pytest.mark.parametrize(("k", "bits"), [(1, 1.0), (2, math.log2(6)), (4, math.log2(70))])
def test_a_gross_change_is_worth_all_labelings_and_nothing_overflows(k: int, bits: float) -> None:
    units = np.zeros((300, 2, k))
    units[:, 1] = 1e6
    sample = sample_of_units(units, np.full(300, 0.01))
    assert fail_evidence(sample, 0.02, SCALE) == pytest.approx(300 * bits * math.log(2))
    assert as_e_value(fail_evidence(sample.mirrored(), 0.02, SCALE)) > 0
    blocks = math.ceil(math.log2(400) / bits)
    assert running_fail_evidence(sample, 0.02, SCALE)[blocks - 1] >= math.log(400)


@pytest.mark.parametrize("k", [2, 4])
def test_error_rates_of_blocks_hold_with_a_look_after_every_one(k: int) -> None:
    rng = np.random.default_rng(17)
    jobs, blocks = 1000, 15
    noise = rng.standard_t(3, (jobs * blocks, 2, k)) * 0.03
    noise[:, 1] += 0.02
    errors = np.full(jobs * blocks, 0.02)
    factors = log_factors(sample_of_units(noise, errors), 0.02, SCALE)
    running = mixed(np.cumsum(factors.reshape(-1, jobs, blocks), axis=-1))
    ever = (running.max(axis=1) >= math.log(100)).mean()
    assert ever <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / jobs)
