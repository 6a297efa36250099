from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.verdict.watch_permutation import RATES, log_e_values

from .builders import STEADY

SCORES = st.lists(st.floats(0.0, 4.0), min_size=2, max_size=8)


def relabelled(scores: list[float], candidates: int) -> np.ndarray:
    """Every labeling, shape (labelings, n), the candidate's last."""
    found = []
    for ours in combinations(range(len(scores)), candidates):
        theirs = [one for one in range(len(scores)) if one not in ours]
        found.append([scores[one] for one in (*theirs, *ours)])
    return np.array(found)


@STEADY
@given(SCORES, st.data())
def test_its_mean_over_all_labelings_is_exactly_one(
    scores: list[float], data: st.DataObject
) -> None:
    candidates = data.draw(st.integers(1, len(scores) - 1))
    values = np.exp(log_e_values(relabelled(scores, candidates), candidates))
    assert values.mean() == pytest.approx(1.0, rel=1e-9)


@STEADY
@given(SCORES)
def test_it_is_the_definition(scores: list[float]) -> None:
    candidates = len(scores) // 2
    expected = []
    for rate in RATES:
        sums = relabelled(scores, candidates)[:, len(scores) - candidates :].sum(axis=1)
        own = sum(scores[len(scores) - candidates :])
        expected.append(math.exp(rate * own) / np.exp(rate * sums).mean())
    assert math.exp(log_e_values(scores, candidates)) == pytest.approx(np.mean(expected), rel=1e-9)


@STEADY
@given(SCORES, st.data())
def test_more_of_the_candidate_is_more_evidence(scores: list[float], data: st.DataObject) -> None:
    candidates = data.draw(st.integers(1, len(scores) - 1))
    at = data.draw(st.integers(0, len(scores) - 1))
    more = list(scores)
    more[at] += 0.5
    before, after = (float(log_e_values(some, candidates)) for some in (scores, more))
    if at >= len(scores) - candidates:
        assert after >= before - 1e-9
    else:
        assert after <= before + 1e-9


@STEADY
@given(SCORES, st.floats(0.0, 5.0))
def test_what_all_have_changes_nothing(scores: list[float], shift: float) -> None:
    candidates = len(scores) // 2
    moved = [score + shift for score in scores]
    assert float(log_e_values(moved, candidates)) == pytest.approx(
        float(log_e_values(scores, candidates)), abs=1e-8
    )


def test_arms_that_are_told_apart_are_worth_all_labelings() -> None:
    for many in (4, 16, 32, 64):
        apart = [0.0] * many + [4.0] * many
        most = math.log(math.comb(2 * many, many))
        assert most - math.log(len(RATES)) < float(log_e_values(apart, many)) < most
        assert float(log_e_values(apart[::-1], many)) < -2.0


def test_one_arm_alone_is_no_evidence() -> None:
    assert float(log_e_values([1.0, 2.0], 2)) == pytest.approx(0.0, abs=1e-12)
    assert float(log_e_values([1.0, 2.0], 0)) == pytest.approx(0.0, abs=1e-12)
    assert float(log_e_values([], 0)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "candidates", "said"),
    [([1.0], 2, "cannot be"), ([math.nan, 1.0], 1, "finite"), ([0.0, 1e6], 1, "too far apart")],
)
def test_what_it_cannot_compute(scores: list[float], candidates: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        log_e_values(scores, candidates)
