from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from socklat_gate.verdict.count_evidence import (
    MOST_OF_A_PAIR,
    mde_count_of,
    running_count_evidence,
)


@pytest.mark.parametrize("share", [0.5, 0.3, 0.6])
@pytest.mark.parametrize("most", [MOST_OF_A_PAIR, math.inf])
@pytest.mark.parametrize("total", [1, 2, 3, 7, 30, 200])
def test_the_mean_of_a_pair_is_at_most_1_whatever_its_total(share, most, total) -> None:
    """Given the total, the candidate's part is binomial: the sum over all outcomes is exact."""
    ours = np.arange(total + 1)
    factor = np.exp(running_count_evidence(ours[:, None], (total - ours)[:, None], share, most))
    mean = float((factor[:, 0] * binom.pmf(ours, total, share)).sum())
    assert mean <= 1 + 1e-9
    if most == math.inf:
        assert mean == pytest.approx(1.0)


def test_a_pair_counts_for_two_bits_at_most() -> None:
    found = np.exp(running_count_evidence([400, 0, 3], [0, 0, 0], 0.5))
    assert found[0] == found[1] < MOST_OF_A_PAIR
    assert found[2] <= MOST_OF_A_PAIR * found[1]
    plain = running_count_evidence([400], [0], 0.5, most=math.inf)
    assert plain[0] == pytest.approx(400 * math.log(2) + math.log(0.5), abs=0.7)


def test_failures_of_the_baseline_speak_against_more_of_the_candidates() -> None:
    alone, both, fewer = (
        running_count_evidence(ours, theirs, 0.5)[-1]
        for ours, theirs in (([2] * 5, [0] * 5), ([2] * 5, [2] * 5), ([0] * 5, [2] * 5))
    )
    assert alone > 0 > both > fewer
    assert running_count_evidence([0] * 9, [0] * 9, 0.5).tolist() == pytest.approx([0.0] * 9)


@pytest.mark.parametrize(
    ("baseline", "pairs", "fewest"),
    [(0, 40, 12), (0, 6, 12), (0, 5, None), (0, 0, None), (40, 20, range(85, 115))],
)
def test_the_fewest_failures_that_would_fail(baseline, pairs, fewest) -> None:
    found = mde_count_of(baseline, pairs, 8000, 2000.0)
    assert found in fewest if isinstance(fewest, range) else found == fewest


def test_a_doubled_rate_is_found_where_both_arms_fail_requests() -> None:
    rng = np.random.default_rng(4)
    ours, theirs = rng.poisson(16.0, (200, 30)), rng.poisson(8.0, (200, 30))
    found = running_count_evidence(ours, theirs, 0.5).max(axis=-1) >= math.log(2000)
    assert found.mean() > 0.95
