from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate.job import container_use as module
from socklat_gate.job.container_use import use_of
from socklat_gate.service.arm import Companion
from socklat_gate.service.cpu_time import CpuUse

MIB = 1 << 20
HELD: dict[int, int | None] = {1: 10 * MIB, 2: 30 * MIB, 3: 5 * MIB, 4: None}
BUSY = {1: 0.01, 2: 0.02, 3: 0.04, 4: 0.0}
STARTED_S = {1: 0.3, 2: 0.1, 3: 0.4, 4: 0.0}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that hold `HELD` and use `BUSY` CPUs."""
    passed = [0.0]

    def meter(pid: int) -> Any:
        return SimpleNamespace(
            read=lambda: CpuUse(round((STARTED_S[pid] + BUSY[pid] * passed[0]) * 1e9), None, 0)
        )

    monkeypatch.setattr(module, "CpuMeter", meter)
    monkeypatch.setattr(module, "memory_bytes", HELD.__getitem__)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: passed.append(passed.pop() + seconds))


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


def test_the_cpu_time_of_a_start_is_that_of_its_whole_stack() -> None:
    assert use_of([arm(1, 3), arm(2)]).start_cpu_s == pytest.approx(0.7)


def test_one_that_ends_meanwhile_used_nothing_that_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CpuMeter", lambda _pid: SimpleNamespace(read=lambda: None))
    use = use_of([arm(1)])
    assert (use.idle_cpus, use.start_cpu_s) == (0.0, 0.0)
