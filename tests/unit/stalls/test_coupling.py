"""Exchanges that waited behind the other arm: two services in one queue, or in two."""

from __future__ import annotations

import numpy as np
import pytest

from socklat_gate.measured.records import EXCHANGE, EXCHANGE_STAGES, Records
from socklat_gate.stalls.coupling import coupling

WORK_NS = 400_000
RECV_WAIT, APP = EXCHANGE_STAGES.index("recv_wait"), EXCHANGE_STAGES.index("app")


def two_arms(load: float, *, requests: int = 4000, cpus: tuple[int, int] = (0, 0)) -> list[Records]:
    """Poisson arrivals, each of a random arm, of equal work; one FIFO queue for each CPU."""
    rng = np.random.default_rng(7)
    at_ns = np.cumsum(rng.exponential(WORK_NS / load, requests)).astype(np.int64)
    arm = rng.integers(2, size=requests)
    rows = np.zeros(requests, EXCHANGE)
    rows["rx_first_ns"], rows["cpu"] = at_ns, np.array(cpus)[arm]
    free_ns = dict.fromkeys(cpus, 0)
    for row in rows:
        cpu, arrived_ns = int(row["cpu"]), int(row["rx_first_ns"])
        read_ns = max(arrived_ns, free_ns[cpu])
        row["ns"][[RECV_WAIT, APP]] = read_ns - arrived_ns, WORK_NS
        free_ns[cpu] = read_ns + WORK_NS
    return [rows[arm == 0], rows[arm == 1]]


def test_more_load_makes_more_exchanges_wait_behind_the_other_arm():
    shares = [coupling(two_arms(load)) for load in (0.05, 0.3, 0.7)]
    # Of those that come while the CPU is busy, half or more find the other arm among those ahead.
    assert shares == [pytest.approx(x, abs=0.03) for x in (0.026, 0.17, 0.5)]


def test_arms_on_cpus_of_their_own_do_not_wait_for_each_other():
    assert coupling(two_arms(0.7, cpus=(0, 1))) == 0.0


def test_both_arms_count_and_swapping_them_changes_nothing():
    one, other = two_arms(0.5)
    assert coupling([one, other]) == coupling([other, one])


def test_a_response_that_sleeps_holds_nobody_up():
    """Open for 30 ms at 100 a second, but each is read at once: they are no queue."""
    one, other = two_arms(0.05)
    for arm in (one, other):
        arm["ns"][:, RECV_WAIT], arm["ns"][:, APP] = 20_000, 30_000_000
    share = coupling([one, other])
    assert share is not None
    assert share < 0.01


def test_one_arm_or_no_exchange_has_none():
    one, _ = two_arms(0.5, requests=10)
    assert coupling([one]) is None
    assert coupling([one[:0], one[:0]]) is None
    assert coupling([one, one[:0]]) == 0.0
