"""The interval of a change by a few blocks: how often it covers the truth, and how wide it is."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from socklat_gate.verdict.interval import confidence_interval
from socklat_gate.verdict.labeling_interval import MOST_LABELINGS, labeling_interval

Floats = npt.NDArray[np.float64]
JOBS = 1000


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return rng.normal(size=shape)


def heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """One container in ten is disturbed, tenfold."""
    return np.asarray(rng.normal(size=shape) * np.where(rng.random(shape) < 0.1, 10.0, 1.0))


def skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return np.asarray(rng.exponential(size=shape) ** 2)


def missed(blocks: int, k: int, noise: Callable[..., Floats], wider: float = 1.0) -> Floats:
    """Share of intervals below and above a change; blocks differ among each other as well."""
    rng = np.random.default_rng(blocks * 100 + k)
    found = np.zeros(2)
    for _ in range(JOBS):
        units = noise(rng, (blocks, 2, k))
        units[:, 1] *= wider
        units += rng.normal(size=(blocks, 1, 1)) * 3
        units[:, 1] += 5.0
        low, high = labeling_interval(units)
        found += high < 5.0, low > 5.0
    return np.asarray(found / JOBS)


@pytest.mark.parametrize(
    ("blocks", "k"),
    [(2, 2), (3, 2), (4, 2), (1, 4), (2, 4), (2, 3), pytest.param(3, 4, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("noise", [normal, heavy, skewed])
def test_each_end_misses_the_change_of_few_blocks_in_2_5_percent(blocks, k, noise):
    # 2 blocks of 2 + 2 by 1 / 36; three standard errors of 1000 jobs are 1.5%
    least = 1 / 36 if (blocks, k) == (2, 2) else 0.025
    assert (missed(blocks, k, noise) <= least + 0.015).all()


@pytest.mark.parametrize(("blocks", "k"), [(4, 2), (2, 4)])
def test_a_candidate_that_scatters_twice_as_much_costs_little(blocks, k):
    """What got slower scatters more as a rule, and then not all labelings are as likely."""
    assert missed(blocks, k, normal, wider=2.0).sum() <= 0.075


def test_more_labelings_make_it_narrower_and_single_containers_agree_with_pairs():
    rng = np.random.default_rng(0)
    few, more = (
        np.median(np.diff([labeling_interval(rng.normal(size=(n, 2, 2))) for _ in range(200)]))
        for n in (2, 4)
    )
    assert more < few
    pairs = rng.normal(size=(5, 2, 1))
    d = pairs[:, 1, 0] - pairs[:, 0, 0]
    assert labeling_interval(pairs) == pytest.approx(confidence_interval(d))


@pytest.mark.parametrize("shape", [(0, 2, 2), (1, 2, 2), (4, 2, 1), (1, 2, 3)])
def test_too_few_labelings_bound_nothing(shape):
    assert labeling_interval(np.zeros(shape)) == (-math.inf, math.inf)


def test_it_moves_with_the_change_and_flips_with_the_arms():
    units = np.random.default_rng(1).normal(size=(2, 2, 4))
    low, high = labeling_interval(units)
    shifted = units.copy()
    shifted[:, 1] += 7
    assert labeling_interval(shifted) == pytest.approx((low + 7, high + 7))
    assert labeling_interval(units[:, ::-1]) == pytest.approx((-high, -low))
    far = units + 1e9  # nanoseconds since boot leave no rounding
    assert labeling_interval(far) == pytest.approx((low, high), abs=1e-6)


def test_of_too_many_labelings_some_are_drawn():
    units = np.random.default_rng(2).normal(size=(4, 2, 4))
    assert MOST_LABELINGS < 70**4
    low, high = labeling_interval(units)
    assert (low, high) == labeling_interval(units)
    means = units.mean(axis=2)
    assert low < (means[:, 1] - means[:, 0]).mean() < high


def test_a_level_and_a_shape_are_checked():
    with pytest.raises(ValueError, match="level"):
        labeling_interval(np.zeros((2, 2, 2)), 1.0)
    with pytest.raises(ValueError, match="containers"):
        labeling_interval(np.zeros((2, 3, 2)))
