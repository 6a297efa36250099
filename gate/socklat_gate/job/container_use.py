"""What containers take while nothing is asked of them, and what the machine has for more."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.load.cpuset import parse_cpuset
from socklat_gate.scenario import Service
from socklat_gate.service.arm import RunningArm
from socklat_gate.service.cpu_time import CpuMeter
from socklat_gate.service.memory_use import memory_bytes

__all__ = ["ReadyUse", "service_cpus", "use_of"]

IDLE_S = 0.5
"""So long ready containers are watched while nothing is asked of them."""


@dataclass(frozen=True, slots=True)
class ReadyUse:
    """What one took: memory when ready (None: not known), CPUs while idle, CPU time of its start.

    The last two are 0 where they are not known.
    """

    memory_bytes: int | None
    idle_cpus: float
    start_cpu_s: float = 0.0


def use_of(arms: Sequence[RunningArm]) -> ReadyUse:
    """The largest of what ready containers take, the others of their stacks included."""
    meters = [[CpuMeter(pid) for pid in _pids(arm)] for arm in arms]
    before = [[meter.read() for meter in each] for each in meters]
    time.sleep(IDLE_S)
    idle_cpus = start_cpu_s = 0.0
    for each, first in zip(meters, before, strict=True):
        known = [
            (then, now)
            for then, now in zip(first, [meter.read() for meter in each], strict=True)
            if then and now
        ]
        idle_ns = sum(now.since(then).used_ns for then, now in known)
        idle_cpus = max(idle_cpus, idle_ns / 1e9 / IDLE_S)
        start_cpu_s = max(start_cpu_s, sum(then.used_ns for then, _ in known) / 1e9)
    held = [[memory_bytes(pid) for pid in _pids(arm)] for arm in arms]
    if any(part is None for each in held for part in each):
        return ReadyUse(None, idle_cpus, start_cpu_s)
    most = max(sum(part or 0 for part in each) for each in held)
    return ReadyUse(most, idle_cpus, start_cpu_s)


def service_cpus(service: Service) -> int:
    """How many the containers of both arms may use."""
    sets = service.cpuset if isinstance(service.cpuset, list) else [service.cpuset]
    named = {cpu for one in sets if one for cpu in parse_cpuset(one)}
    return len(named) or os.cpu_count() or 1


def _pids(arm: RunningArm) -> list[int]:
    return [arm.pid, *(one.pid for one in arm.companions if one.pid)]
