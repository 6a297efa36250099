from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.verdict.watch_evidence import ORDER, watch_evidence
from socklat_gate.verdict.watch_order import order_evidence
from socklat_gate.verdict.watch_power import found_every_s, found_from_start_s, stops_to_fail
from tests.benchmarks.watch import KINDS, STOPS_THRESHOLD, simulated

from .builders import STEADY
from .test_watch_order import seen


@pytest.mark.parametrize("numbers", [7, 8, 12, 16, 32])
def test_so_many_first_stops_fail_and_one_less_does_not(numbers: int) -> None:
    needed = stops_to_fail(numbers, STOPS_THRESHOLD)
    assert needed is not None
    hits = [(numbers + at,) for at in range(needed)]
    by_order = math.log(ORDER) + order_evidence(seen(numbers, hits))[1]
    assert by_order[-1] >= math.log(STOPS_THRESHOLD) > by_order[-2]
    assert watch_evidence(seen(numbers, hits)).at(500.0) >= math.log(STOPS_THRESHOLD)


def test_too_few_replicas_fail_by_no_number_of_stops() -> None:
    assert stops_to_fail(5, STOPS_THRESHOLD) is None
    assert found_every_s([600.0] * 5, STOPS_THRESHOLD) is None
    assert found_from_start_s([(0.0, 600.0)] * 5, STOPS_THRESHOLD) == 0.0
    assert found_every_s([], STOPS_THRESHOLD) is None


def test_what_it_promises_is_found() -> None:
    """With random phases, 16 replicas and 2 minutes of each; the watch takes 2.25 minutes."""
    every = found_every_s([120.0] * 16, STOPS_THRESHOLD)
    assert every is not None
    assert 100 < every < 120
    assert simulated(2, 60, KINDS[0], 16, every_s=every).by(2.3) >= 0.9


@STEADY
@given(st.lists(st.floats(0.0, 600.0), min_size=6, max_size=20), st.floats(1.0, 100.0))
def test_more_exposure_finds_rarer_stops(exposures: list[float], more: float) -> None:
    before = found_every_s(exposures, STOPS_THRESHOLD) or 0.0
    after = found_every_s([one + more for one in exposures], STOPS_THRESHOLD) or 0.0
    assert after >= before


def test_a_timer_is_found_if_enough_replicas_got_so_old() -> None:
    needed = stops_to_fail(16, STOPS_THRESHOLD)
    assert needed == 9
    lives = [(2.0 * at, 150.0) for at in range(16)]
    # The ninth oldest was started 16 s after the first.
    assert found_from_start_s(lives, STOPS_THRESHOLD) == pytest.approx(150.0 - 16.0 - 2.0)
    # With twice as many accepted, no 18 of them are there.
    assert found_from_start_s(lives, STOPS_THRESHOLD, 2.0) == 0.0
    # Stops of containers that were started together are one moment.
    together = [(20.0 * (at // 4), 150.0) for at in range(16)]
    assert found_from_start_s(together, STOPS_THRESHOLD) == 0.0
