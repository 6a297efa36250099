from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate.job import fleet_use as module
from socklat_gate.job.fleet_size import ReplicaUse
from socklat_gate.job.fleet_use import choose, use_of
from socklat_gate.job.memory_left import RESERVE_BYTES
from socklat_gate.service.arm import Companion
from socklat_gate.service.cpu_time import CpuUse
from tests.unit.job.fakes import scenario

MIB = 1 << 20
HELD: dict[int, int | None] = {1: 10 * MIB, 2: 30 * MIB, 3: 5 * MIB, 4: None}
BUSY = {1: 0.01, 2: 0.02, 3: 0.04, 4: 0.0}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that hold `HELD` and use `BUSY` CPUs."""
    passed = [0.0]

    def meter(pid: int) -> Any:
        return SimpleNamespace(read=lambda: CpuUse(round(BUSY[pid] * passed[0] * 1e9), None, 0))

    monkeypatch.setattr(module, "CpuMeter", meter)
    monkeypatch.setattr(module, "memory_bytes", HELD.__getitem__)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: passed.append(passed.pop() + seconds))
    monkeypatch.setattr(module, "memory_left_bytes", lambda: RESERVE_BYTES + 1000 * MIB)


def arm(pid: int, *companions: int) -> Any:
    others = tuple(Companion("db", 7, (5432,), other) for other in companions)
    return SimpleNamespace(pid=pid, companions=others)


def test_the_larger_of_the_two_counts() -> None:
    use = use_of([arm(1), arm(2)])
    assert use.memory_bytes == 30 * MIB
    assert use.idle_cpus == pytest.approx(0.02)


def test_a_stack_takes_what_all_of_it_takes() -> None:
    use = use_of([arm(1, 3), arm(2)])
    assert use.memory_bytes == 30 * MIB
    assert use.idle_cpus == pytest.approx(0.05)


def test_one_that_is_not_known_makes_all_unknown() -> None:
    assert use_of([arm(1), arm(4)]).memory_bytes is None


def test_a_number_given_may_be_busy_and_only_memory_takes_from_it() -> None:
    busy = ReplicaUse(20 * MIB, 0.5)
    given = choose(scenario(watch={"replicas": 6}), busy, up=2)
    assert (given.wanted, given.most, given.note) == (6, 6, None)
    auto = choose(scenario(watch={}), busy, up=2)
    assert (auto.most, auto.note and auto.note.subject) == (0, "cpus")


def test_containers_of_blocks_keep_their_memory() -> None:
    use = ReplicaUse(40 * MIB, 0.0)
    pairs = choose(scenario(watch={}), use, up=2)
    blocks = choose(scenario(watch={}, containers=4), use, up=2)
    assert (pairs.most, blocks.most) == (5, 2)
