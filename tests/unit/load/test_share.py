"""Every request of a schedule is one worker's, and every connection as busy as with one worker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.load.bounds import max_connections_of
from socklat_gate.load.schedule import Schedule, make_schedule
from socklat_gate.load.share import Portion, Share
from tests.unit.load.load_of import load_of


@st.composite
def divided(draw):
    """A schedule of two arms, and its division."""
    arms = draw(st.lists(st.integers(0, 1), max_size=200))
    connections = draw(st.integers(1, 20))
    workers = draw(st.integers(1, connections))
    schedule = Schedule(
        np.arange(len(arms), dtype=np.int64) * 1000,
        np.array(arms, dtype=np.int8),
        np.arange(len(arms), dtype=np.uint16) % 3,
        warmup_ns=10_000,
        duration_ns=10**9,
    )
    return schedule, [Share(worker, workers, connections) for worker in range(workers)]


@given(divided())
def test_every_request_is_sent_once_in_the_order_of_the_schedule(drawn):
    schedule, shares = drawn
    portions = [Portion.of(schedule, 2, share) for share in shares]
    numbers = [np.frombuffer(portion.numbers, dtype=np.uint32) for portion in portions]
    assert sorted(np.concatenate(numbers).tolist()) == list(range(schedule.arm.size))
    for portion, own in zip(portions, numbers, strict=True):
        assert np.all(np.diff(own.astype(np.int64)) > 0)
        for name in ("offsets_ns", "arm", "kind"):
            whole, part = getattr(schedule, name), getattr(portion.schedule, name)
            assert np.array_equal(part, whole[own])
            assert part.dtype == whole.dtype
        assert portion.of_all == tuple(np.bincount(schedule.arm, minlength=2).tolist())
        assert portion.schedule.warmup_ns == schedule.warmup_ns


@given(divided(), st.integers(0, 200))
def test_both_arms_are_shared_alike_wherever_the_load_ends(drawn, end):
    schedule, shares = drawn
    for arm in (0, 1):
        of_arm = np.flatnonzero(schedule.arm[:end] == arm)
        for share in shares:
            own = share.numbers(schedule)
            many = np.isin(of_arm, own).sum()
            expected = of_arm.size * share.part_of(share.connections) / share.connections
            assert abs(many - expected) < share.part_of(share.connections) + 1e-9


@given(divided())
def test_each_connection_gets_what_it_would_get_of_one_worker(drawn):
    """As long as none has to wait, a worker uses its idle connections in turn."""
    schedule, shares = drawn
    for arm in (0, 1):
        of_arm = np.flatnonzero(schedule.arm == arm)
        connections = shares[0].connections
        alone = {frozenset(of_arm[at::connections].tolist()) for at in range(connections)}
        several = set()
        for share in shares:
            own = share.numbers(schedule)
            own = own[schedule.arm[own] == arm]
            mine = share.part_of(connections)
            several |= {frozenset(own[at::mine].tolist()) for at in range(mine)}
        assert several == alone


@given(divided())
def test_connections_in_total_are_those_of_the_scenario(drawn):
    _, shares = drawn
    load = load_of(connections=shares[0].connections, max_connections=None, rate=77.0)
    limits = [share.limits(load) for share in shares]
    assert sum(one["connections"] for one in limits) == load.connections
    assert sum(one["max_connections"] for one in limits) == max_connections_of(load)
    assert all(1 <= one["connections"] <= one["max_connections"] for one in limits)


@pytest.mark.parametrize("interleave", ["request", "slice"])
def test_every_slice_of_time_has_all_workers(interleave):
    load = load_of(rate=4000.0, arrivals="poisson", duration_s=1.0, connections=7)
    schedule = make_schedule(load, 2, 5, interleave, 50.0)
    own = [Share(worker, 3, 7).numbers(schedule) for worker in range(3)]
    for begin_ns in range(0, 10**9, 50_000_000):
        inside = (schedule.offsets_ns >= begin_ns) & (schedule.offsets_ns < begin_ns + 50_000_000)
        for arm in np.unique(schedule.arm[inside]):
            due = np.flatnonzero(inside & (schedule.arm == arm))
            shared = [np.isin(due, one).sum() / due.size for one in own]
            assert np.allclose(shared, [3 / 7, 2 / 7, 2 / 7], atol=4 / due.size)


def test_one_worker_sends_the_schedule_itself():
    schedule = make_schedule(load_of(), 1, 5)
    portion = Portion.of(schedule, 1, None)
    assert portion.schedule is schedule
    assert portion.numbers is None
    assert portion.of_all == (101,)
