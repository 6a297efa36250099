from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import wilcoxon

from socklat_gate.verdict.interval import confidence_interval, order_statistic

NOISE = np.random.default_rng(5).normal(0, 0.03, 20)


@pytest.mark.parametrize("pairs", [0, 1, 4])
def test_few_pairs_cannot_bound_the_change(pairs: int) -> None:
    assert confidence_interval(NOISE[:pairs]) == (-math.inf, math.inf)


def test_five_pairs_give_their_extremes_and_a_higher_level_needs_more() -> None:
    assert confidence_interval(NOISE[:5]) == (NOISE[:5].min(), NOISE[:5].max())
    assert confidence_interval(NOISE[:5], 0.99) == (-math.inf, math.inf)
    narrow, wide = confidence_interval(NOISE), confidence_interval(NOISE, 0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_interval_moves_with_the_pairs_and_mirrors_with_the_arms() -> None:
    low, high = confidence_interval(NOISE)
    assert confidence_interval(NOISE + 0.3) == pytest.approx((low + 0.3, high + 0.3))
    assert confidence_interval(-NOISE) == pytest.approx((-high, -low))


def test_equal_pairs_have_an_interval_of_one_point() -> None:
    assert confidence_interval([0.1] * 12) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("pairs", [8, 15, 40])
def test_the_ends_are_where_wilcoxons_test_rejects(pairs: int) -> None:
    d = np.random.default_rng(pairs).normal(0.0, 1.0, pairs)
    low, high = confidence_interval(d)
    inside = 1e-3 * (high - low)
    for end, sign in ((low, 1), (high, -1)):
        found = wilcoxon(d - end - sign * inside, method="exact").pvalue
        outside = wilcoxon(d - end + sign * 40 * inside, method="exact").pvalue
        assert outside < 0.05 + 0.03
        assert found > 0.03


@pytest.mark.parametrize("level", [0.0, 1.0, math.nan])
def test_a_level_outside_0_1_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        confidence_interval(NOISE, level)


def test_values_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        confidence_interval([0.0, math.nan])


def test_the_normal_limit_takes_over_smoothly() -> None:
    exact, limit = order_statistic(60, 0.95), order_statistic(61, 0.95)
    assert exact is not None
    assert limit is not None
    # Rank 60 + 1 pairs on: the lower tail grows by about n / 2 - z * sqrt(n) / 4.
    assert 22 <= limit[0] - exact[0] <= 31


@pytest.mark.parametrize("pairs", [5, 6, 7, 11, 20, 100])
@pytest.mark.parametrize("heavy", [False, True])
def test_interval_covers_the_truth_at_a_fixed_number_of_pairs(pairs: int, heavy: bool) -> None:
    rng = np.random.default_rng(21)
    jobs = 1500
    d = rng.standard_normal((jobs, pairs))
    if heavy:
        d *= np.where(rng.random(d.shape) < 0.1, 5.0, 1.0)
    ends = np.array([confidence_interval(row) for row in d])
    covered = float(((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean())
    nominal = 1 - 2 * 2.0**-5 if pairs == 5 else 0.95
    assert abs(covered - nominal) < 3 * math.sqrt(0.05 * 0.95 / jobs) + 0.004
