from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.verdict.estimate import hodges_lehmann, pairs_to_decide
from socklat_gate.verdict.evidence import pass_evidence, running_fail_evidence

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


def test_further_pairs_are_those_that_more_of_the_same_needs() -> None:
    # Equal pairs make the forecast exact: count how many it takes in all.
    needed_in_all = int(
        np.argmax(running_fail_evidence([0.1] * 50, D0, SCALE) >= math.log(NEEDED)) + 1
    )
    for seen in range(1, needed_in_all + 3):
        expected = max(0, needed_in_all - seen)
        assert pairs_to_decide([0.1] * seen, D0, SCALE, NEEDED) == expected


def test_further_pairs_out_of_reach_or_without_pairs() -> None:
    assert pairs_to_decide([], D0, SCALE, NEEDED) is None
    assert pairs_to_decide([D0], D0, SCALE, NEEDED) is None
    assert pairs_to_decide([0.1], D0, SCALE, NEEDED, limit=3) is None
    assert pairs_to_decide([0.1], D0, SCALE, NEEDED, limit=0) is None


def test_further_pairs_stays_0_once_some_prefix_had_the_evidence() -> None:
    assert pairs_to_decide([0.3] * 12 + [-0.3] * 12, D0, SCALE, NEEDED) == 0


def test_further_pairs_is_reproducible_and_works_for_the_pass_side() -> None:
    d = 2 * NOISE[:6]
    assert pass_evidence(d, D1, SCALE) < math.log(20)
    more = pairs_to_decide(-d, -D1, SCALE, 20.0, seed=4)
    assert more == pairs_to_decide(-d, -D1, SCALE, 20.0, seed=4)
    assert more is not None
    assert 0 < more < 40
