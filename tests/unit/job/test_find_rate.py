from __future__ import annotations

import math
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.find_rate import LEAST_RPS, MOST_RPS, SHARE, TriedRate, find_rate
from socklat_gate.load.step import Step

TIMEOUT_NS = 10_000_000_000


class Service:
    """Carries ``capacity_rps``; each request takes ``cost`` of the CPUs for a second.

    Tries whose index is in ``stalled`` are late whatever their rate; in those of ``beside``,
    another process uses all of the CPUs.
    """

    def __init__(
        self,
        capacity_rps: float,
        cost: float = 0.0,
        driver_rps: float = 1e9,
        stalled: Collection[int] = (),
        beside: Collection[int] = (),
    ) -> None:
        self.capacity_rps, self.cost, self.driver_rps = capacity_rps, cost, driver_rps
        self.stalled, self.beside = stalled, beside
        self.tried: list[float] = []
        self.within: list[int] = []

    def __call__(self, rate: float, within_ns: int) -> TriedRate:
        index = len(self.tried)
        self.tried.append(rate)
        self.within.append(within_ns)
        stalled = index in self.stalled
        carried = rate <= self.capacity_rps and not (stalled and index)
        p99_ns = 2e8 if stalled else 5e5
        in_time = 1000 if carried else 900 if rate <= self.capacity_rps else 400
        late = rate > self.driver_rps
        step = Step(rate, 1000, in_time, 0, driver_late=late, median_ns=2e5, p99_ns=p99_ns)
        busy = 1.0 if index in self.beside else min(1.0, self.cost * rate)
        return TriedRate(step, busy)


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
        assert len(service.tried) <= 16


@given(st.floats(200, MOST_RPS / 2), st.sets(st.integers(0, 15), max_size=6))
def test_disturbed_steps_change_nothing(capacity_rps: float, stalled: set[int]) -> None:
    """As long as no four come one after the other."""
    apart = {index for index in stalled if not {index - 3, index - 2, index - 1} <= stalled}
    disturbed = find_rate(Service(capacity_rps, stalled=apart), TIMEOUT_NS)
    assert disturbed == find_rate(Service(capacity_rps), TIMEOUT_NS)


def test_a_machine_that_always_stalls_carries_nothing() -> None:
    with pytest.raises(InvalidMeasurement):
        find_rate(Service(3000, stalled=range(1, 100)), TIMEOUT_NS)


def test_a_step_that_fails_twice_is_not_carried() -> None:
    service = Service(3000)
    find_rate(service, TIMEOUT_NS)
    failed = [rate for rate in service.tried if rate > 3000]
    assert failed
    assert all(failed.count(rate) == 2 for rate in failed)
    assert all(service.tried.count(rate) == 1 for rate in service.tried if 20 < rate <= 3000)


def test_a_stall_while_the_service_is_idle_sets_no_limit_for_good() -> None:
    service = Service(3000, stalled={0})
    find_rate(service, TIMEOUT_NS)
    assert service.within[:3] == [TIMEOUT_NS, 2_000_000_000, 10_000_000]


def test_what_another_process_uses_for_a_second_is_not_the_service_s() -> None:
    quiet = Service(20_000, cost=1 / 20_000)
    find_rate(quiet, TIMEOUT_NS)
    top = max(at for at, rate in enumerate(quiet.tried) if rate <= 20_000)
    found = find_rate(Service(20_000, cost=1 / 20_000, beside={top}), TIMEOUT_NS)
    assert found.by_cpu
    assert found.rate_rps == pytest.approx(SHARE * 20_000 / 2, rel=0.1)


def test_it_has_two_digits() -> None:
    rate = find_rate(Service(7777), TIMEOUT_NS).rate_rps
    unit = 10 ** (math.floor(math.log10(rate)) - 1)
    assert rate / unit == pytest.approx(round(rate / unit))


def test_a_service_that_carries_nothing_is_refused() -> None:
    with pytest.raises(InvalidMeasurement) as refused:
        find_rate(Service(LEAST_RPS / 2), TIMEOUT_NS)
    assert refused.value.reason is Reason.LOAD_REFUSED
