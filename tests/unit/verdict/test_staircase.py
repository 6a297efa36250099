from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.verdict.staircase import PRECISION, Staircase


def climb(stair: Staircase, capacity_rps: float) -> list[float]:
    """The rates that were tried against a service that carries up to ``capacity_rps``."""
    tried: list[float] = []
    while (rate := stair.next_rps) is not None:
        tried.append(rate)
        stair.record(carried=rate <= capacity_rps)
    return tried


@given(capacity=st.floats(10, 100_000), start=st.floats(10, 100_000), known=st.booleans())
def test_a_sharp_capacity_is_found_to_the_precision(
    capacity: float, start: float, known: bool
) -> None:
    stair = Staircase(start, known=known)
    climb(stair, capacity)
    assert abs(math.log(stair.estimate_rps / capacity)) <= PRECISION
    assert not stair.at_limit


def test_a_known_capacity_takes_few_steps() -> None:
    assert len(climb(Staircase(1000.0, known=True), 1030.0)) <= 6
    assert len(climb(Staircase(1000.0, known=True), 970.0)) <= 6


def test_half_of_a_known_capacity_takes_few_steps_more() -> None:
    assert len(climb(Staircase(1000.0, known=True), 500.0)) <= 11


@pytest.mark.parametrize(("capacity", "found"), [(0.0, 5.0), (1e9, 800.0)])
def test_the_ends_of_the_range_are_not_left(capacity: float, found: float) -> None:
    stair = Staircase(100.0, least_rps=5.0, most_rps=800.0)
    tried = climb(stair, capacity)
    assert all(5.0 <= rate <= 800.0 for rate in tried)
    assert stair.at_limit
    assert stair.estimate_rps == found


def test_no_estimate_before_the_end() -> None:
    with pytest.raises(ValueError, match="not ended"):
        _ = Staircase(100.0).estimate_rps
