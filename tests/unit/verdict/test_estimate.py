from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.verdict.estimate import confidence_interval, further_pairs, hodges_lehmann, mde
from gate.verdict.evidence import (
    fail_evidence,
    pass_evidence,
    running_fail_evidence,
    running_pass_evidence,
)

from .builders import STEADY

SCALE = 0.05
D0, D1 = math.log(1.02), math.log(1.05)
NEEDED = 300.0
values = st.floats(-1, 1).map(lambda x: round(x, 6))
NOISE = np.random.default_rng(5).normal(0, 0.03, 20)


@STEADY
@given(st.lists(values, min_size=1, max_size=12))
def test_hodges_lehmann_is_the_median_of_walsh_averages(d: list[float]) -> None:
    walsh = [(a + b) / 2 for a, b in itertools.combinations_with_replacement(d, 2)]
    assert hodges_lehmann(d) == pytest.approx(float(np.median(walsh)))
    assert hodges_lehmann(-np.array(d)) == pytest.approx(-hodges_lehmann(d))
    assert hodges_lehmann(np.array(d) + 0.25) == pytest.approx(hodges_lehmann(d) + 0.25)


def test_hodges_lehmann_of_little_or_bad_input() -> None:
    assert math.isnan(hodges_lehmann([]))
    assert hodges_lehmann([0.3]) == 0.3
    assert hodges_lehmann([0.1] * 9) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="finite"):
        hodges_lehmann([0.0, math.nan])
    with pytest.raises(ValueError, match="shape"):
        hodges_lehmann([[0.0]])


def test_hodges_lehmann_withstands_a_quarter_of_wild_pairs() -> None:
    assert abs(hodges_lehmann([*NOISE, 50.0, 60.0, 70.0, 80.0, 90.0])) < 0.05


def test_interval_ends_lie_where_the_evidence_reaches_its_threshold() -> None:
    low, high = confidence_interval(NOISE, SCALE)
    assert low < 0 < high
    assert fail_evidence(NOISE, low, SCALE) == pytest.approx(math.log(40), abs=1e-6)
    assert pass_evidence(NOISE, high, SCALE) == pytest.approx(math.log(40), abs=1e-6)


def test_interval_moves_with_the_pairs_and_mirrors_with_the_arms() -> None:
    low, high = confidence_interval(NOISE, SCALE)
    assert confidence_interval(NOISE + 0.3, SCALE) == pytest.approx((low + 0.3, high + 0.3))
    assert confidence_interval(-NOISE, SCALE) == pytest.approx((-high, -low))


@pytest.mark.parametrize("pairs", [0, 1, 5])
def test_few_pairs_cannot_bound_the_change(pairs: int) -> None:
    assert confidence_interval(NOISE[:pairs], SCALE) == (-math.inf, math.inf)


def test_six_pairs_can_and_a_higher_level_is_wider() -> None:
    low, high = confidence_interval(NOISE[:6], SCALE)
    assert math.isfinite(low)
    assert math.isfinite(high)
    narrow, wide = confidence_interval(NOISE, SCALE), confidence_interval(NOISE, SCALE, 0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_equal_pairs_have_an_interval_around_them() -> None:
    low, high = confidence_interval([0.1] * 12, SCALE)
    assert low < 0.1 < high
    assert high - low < 2 * SCALE


@pytest.mark.parametrize("level", [0.0, 1.0, math.nan])
def test_a_level_outside_0_1_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        confidence_interval(NOISE, SCALE, level)


@pytest.mark.parametrize("heavy", [False, True])
def test_interval_covers_the_truth_at_all_looks_together(heavy: bool) -> None:
    rng = np.random.default_rng(21)
    d = 0.1 + 0.05 * rng.standard_normal((2000, 40))
    if heavy:
        d = 0.1 + (d - 0.1) * np.where(rng.random(d.shape) < 0.1, 5.0, 1.0)
    # The interval contains 0.1 exactly while both kinds of evidence at 0.1 are below 2 / 5%.
    outside = (running_fail_evidence(d, 0.1, SCALE) >= math.log(40)) | (
        running_pass_evidence(d, 0.1, SCALE) >= math.log(40)
    )
    assert 1 - outside.any(axis=1).mean() >= 0.95
    for job in range(20):
        low, high = confidence_interval(d[job], SCALE)
        assert (low < 0.1 < high) == (not outside[job, -1])


def test_mde_is_where_moved_pairs_would_just_fail() -> None:
    found = mde(NOISE + 0.4, D0, SCALE, NEEDED)
    residuals = NOISE - hodges_lehmann(NOISE)
    reached = [
        running_fail_evidence(residuals + x, D0, SCALE).max() >= math.log(NEEDED)
        for x in (found - 1e-6, found + 1e-6)
    ]
    assert reached == [False, True]
    assert found > D0


def test_mde_shrinks_with_pairs_and_is_infinite_for_few() -> None:
    assert mde(NOISE[:8], D0, SCALE, NEEDED) == math.inf
    assert mde([], D0, SCALE, NEEDED) == math.inf
    assert mde(np.tile(NOISE, 3), D0, SCALE, NEEDED) < mde(NOISE, D0, SCALE, NEEDED) < math.inf
    with pytest.raises(ValueError, match="threshold"):
        mde(NOISE, D0, SCALE, 1.0)


def test_mde_at_exactly_the_most_that_the_pairs_can_carry() -> None:
    assert mde(NOISE[:8], D0, SCALE, 256.0) == math.inf
    assert math.isfinite(mde(NOISE[:8], D0, SCALE, 255.0))


def test_further_pairs_are_those_that_more_of_the_same_needs() -> None:
    # Equal pairs make the forecast exact: count how many it takes in all.
    needed_in_all = int(
        np.argmax(running_fail_evidence([0.1] * 50, D0, SCALE) >= math.log(NEEDED)) + 1
    )
    for seen in range(1, needed_in_all + 3):
        expected = max(0, needed_in_all - seen)
        assert further_pairs([0.1] * seen, D0, SCALE, NEEDED) == expected


def test_further_pairs_out_of_reach_or_without_pairs() -> None:
    assert further_pairs([], D0, SCALE, NEEDED) is None
    assert further_pairs([D0], D0, SCALE, NEEDED) is None
    assert further_pairs([0.1], D0, SCALE, NEEDED, limit=3) is None
    assert further_pairs([0.1], D0, SCALE, NEEDED, limit=0) is None


def test_further_pairs_stays_0_once_some_prefix_had_the_evidence() -> None:
    assert further_pairs([0.3] * 12 + [-0.3] * 12, D0, SCALE, NEEDED) == 0


def test_further_pairs_is_reproducible_and_works_for_the_pass_side() -> None:
    d = 2 * NOISE[:6]
    assert pass_evidence(d, D1, SCALE) < math.log(20)
    more = further_pairs(-d, -D1, SCALE, 20.0, seed=4)
    assert more == further_pairs(-d, -D1, SCALE, 20.0, seed=4)
    assert more is not None
    assert 0 < more < 40
