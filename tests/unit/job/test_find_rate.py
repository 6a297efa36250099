from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.find_rate import LEAST_RPS, MOST_RPS, SHARE, TriedRate, find_rate
from socklat_gate.load.step import Step

TIMEOUT_NS = 10_000_000_000


class Service:
    """Carries ``capacity_rps``; each request takes ``cost`` of the CPUs for a second."""

    def __init__(self, capacity_rps: float, cost: float = 0.0, driver_rps: float = 1e9) -> None:
        self.capacity_rps, self.cost, self.driver_rps = capacity_rps, cost, driver_rps
        self.tried: list[float] = []

    def __call__(self, rate: float, within_ns: int) -> TriedRate:
        assert within_ns in (TIMEOUT_NS, 10_000_000)
        self.tried.append(rate)
        in_time = 1000 if rate <= self.capacity_rps else 400
        late = rate > self.driver_rps
        step = Step(rate, 1000, in_time, 0, driver_late=late, median_ns=2e5, p99_ns=5e5)
        return TriedRate(step, min(1.0, self.cost * rate))


@given(st.floats(100, MOST_RPS / 2))
def test_it_is_a_share_of_the_capacity(capacity_rps: float) -> None:
    found = find_rate(Service(capacity_rps), TIMEOUT_NS)
    assert 0.65 * SHARE * capacity_rps <= found.rate_rps <= 1.25 * SHARE * capacity_rps
    assert not found.by_cpu


def test_the_cpus_are_a_bound_with_both_arms_under_load() -> None:
    found = find_rate(Service(20_000, cost=1 / 20_000), TIMEOUT_NS)
    assert found.by_cpu
    assert found.rate_rps == pytest.approx(SHARE * 20_000 / 2, rel=0.1)


def test_a_late_driver_is_a_bound() -> None:
    found = find_rate(Service(1e9, driver_rps=3000), TIMEOUT_NS)
    assert found.rate_rps <= 1.25 * SHARE * 3000


def test_it_takes_few_steps() -> None:
    for capacity in (50, 1000, 20_000, 1e9):
        service = Service(capacity)
        find_rate(service, TIMEOUT_NS)
        assert len(service.tried) <= 13


def test_it_has_two_digits() -> None:
    rate = find_rate(Service(7777), TIMEOUT_NS).rate_rps
    unit = 10 ** (math.floor(math.log10(rate)) - 1)
    assert rate / unit == pytest.approx(round(rate / unit))


def test_a_service_that_carries_nothing_is_refused() -> None:
    with pytest.raises(InvalidMeasurement) as refused:
        find_rate(Service(LEAST_RPS / 2), TIMEOUT_NS)
    assert refused.value.reason is Reason.LOAD_REFUSED
