from __future__ import annotations

import math

import numpy as np
import pytest

from socklat_gate.verdict.stop_timer import timer_of


@pytest.mark.parametrize(
    ("ages_s", "period"),
    [
        ([20.1, 40.3, 60.2], 20.1),
        ([60.2, 20.1, 40.3, 20.0], 20.1),  # in any order, of several replicas
        ([90.0, 90.4, 89.7], 90.0),  # once in the life of each
        ([40.0, 60.1, 100.0, 120.2], 20.0),  # the first one was not met
        ([40.0, 60.5, 99.0], None),  # too few for a period that has to be guessed
        ([20.0, 40.0], None),
        ([20.0, 31.0, 47.0, 63.0], None),
        ([20.0], None),
        ([], None),
        ([20.0, 40.0, math.nan], None),
        ([0.0, 20.0, 40.0, 60.0], None),
    ],
)
def test_multiples_of_one_age(ages_s: list[float], period: float | None) -> None:
    assert timer_of(ages_s) == (None if period is None else pytest.approx(period, rel=0.01))


@pytest.mark.parametrize("stops", [3, 4, 6, 12])
def test_ages_at_random_are_hardly_ever_a_timer(stops: int) -> None:
    """Least squares bend the period a little towards the ages, so somewhat above the 1%."""
    rng = np.random.default_rng(15)
    found = sum(timer_of(rng.uniform(1.0, 120.0, stops)) is not None for _ in range(4000))
    assert found <= 0.02 * 4000


@pytest.mark.parametrize("period_s", [7.0, 20.0, 45.0])
def test_a_timer_with_a_start_that_takes_a_moment_is_found(period_s: float) -> None:
    """Stops of 16 replicas that are met within 0.3 s, from 100 ms after the start on."""
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(200):
        ages = [
            tick * period_s + rng.uniform(0.0, 0.2)
            for tick in range(1, int(120 / period_s) + 1)
            for _ in range(2)
        ]
        found += timer_of(rng.choice(ages, min(20, len(ages)), replace=False)) is not None
    assert found >= 0.95 * 200
