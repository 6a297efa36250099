"""What the first replicas take, and how many there will be for that."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from socklat_gate.job.block_size import Machine
from socklat_gate.job.containers_job import memory_limit_bytes, service_cpus
from socklat_gate.job.fleet_size import ReplicaUse, fleet_size
from socklat_gate.job.memory_left import memory_left_bytes
from socklat_gate.measured.facts import Note, NoteCode, Scalar
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.watch import most_replicas
from socklat_gate.service.arm import RunningArm
from socklat_gate.service.cpu_time import CpuMeter
from socklat_gate.service.memory_use import memory_bytes

__all__ = ["FleetPlan", "choose", "replicas_note", "use_of"]

IDLE_S = 0.5
"""So long ready replicas are watched while nothing is asked of them."""


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """``wanted`` replicas of each arm, of which up to ``most`` are started; why not more.

    ``each_bytes`` is what one held when it was ready (None: not known).
    """

    wanted: int
    most: int
    each_bytes: int | None
    note: Note | None


def use_of(arms: Sequence[RunningArm]) -> ReplicaUse:
    """The larger of what ready replicas take, those of their stacks included."""
    meters = [[CpuMeter(pid) for pid in _pids(arm)] for arm in arms]
    before = [[meter.read() for meter in each] for each in meters]
    time.sleep(IDLE_S)
    idle_cpus = 0.0
    for each, first in zip(meters, before, strict=True):
        readings = zip([meter.read() for meter in each], first, strict=True)
        used_ns = sum(now.since(then).used_ns for now, then in readings if now and then)
        idle_cpus = max(idle_cpus, used_ns / 1e9 / IDLE_S)
    held = [[memory_bytes(pid) for pid in _pids(arm)] for arm in arms]
    if any(part is None for each in held for part in each):
        return ReplicaUse(None, idle_cpus)
    return ReplicaUse(max(sum(part or 0 for part in each) for each in held), idle_cpus)


def choose(scenario: Scenario, use: ReplicaUse, *, up: int) -> FleetPlan:
    """How many, with ``up`` replicas (of both arms together) running that take ``use`` each.

    Of a number that the scenario gives only memory takes anything away, and a pass then waits
    until the fewer ones were watched as long as all of them would have been.
    """
    asked = scenario.gate.watch.replicas
    machine = Machine(memory_left_bytes(), service_cpus(scenario.service))
    if asked != "auto":
        use = ReplicaUse(use.memory_bytes, 0.0)
    size = fleet_size(
        use,
        machine,
        most=most_replicas(scenario.gate.watch),
        up=up,
        paired=2 * scenario.gate.containers_at_once,
        most_bytes=memory_limit_bytes(scenario.service.memory),
        chosen=asked == "auto",
        stacks=scenario.service.compose is not None,
    )
    wanted = size.replicas if asked == "auto" else asked
    note = None
    if size.limit != "none":
        note = replicas_note(size.limit, size.replicas, scenario, size.numbers)
    return FleetPlan(wanted, size.replicas, use.memory_bytes, note)


def replicas_note(
    why: str, replicas: int, scenario: Scenario, numbers: Mapping[str, Scalar] | None = None
) -> Note:
    """So many replicas of each arm, and what speaks against more."""
    asked = scenario.gate.watch.replicas
    given = {} if asked == "auto" else {"asked": asked}
    return Note(NoteCode.WATCH_REPLICAS, why, {"replicas": replicas, **given, **(numbers or {})})


def _pids(arm: RunningArm) -> list[int]:
    return [arm.pid, *(one.pid for one in arm.companions if one.pid)]
