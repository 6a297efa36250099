"""How many replicas of each arm stay up beside the pairs: by memory and by the CPUs while idle.

Exposure grows with their number and their cost is mostly memory, so there are as many as fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from socklat_gate.job.block_size import GROWTH, IDLE_SHARE, Machine
from socklat_gate.job.memory_left import RESERVE_BYTES
from socklat_gate.measured.facts import Scalar
from socklat_gate.scenario.watch import LEAST

__all__ = ["UNWEIGHED", "FleetSize", "ReplicaUse", "fleet_size", "step_of"]

MOST_STACKS = 4
"""Where the job chooses; a stack is several containers."""

UNWEIGHED = 6
"""Where it is not known what a container takes: as few as can show that stops are no chance."""

STEPS = 4
"""So many groups start one after the other: a stop at the same age comes at different moments."""

FleetLimit = Literal["memory", "cpus", "stacks", "unknown", "none"]


@dataclass(frozen=True, slots=True)
class ReplicaUse:
    """What one replica took: memory when ready (None: not known), CPUs while nothing was asked."""

    memory_bytes: int | None
    idle_cpus: float


@dataclass(frozen=True, slots=True)
class FleetSize:
    """``replicas`` of each arm fit, and what speaks against more; 0: not even `LEAST` do."""

    replicas: int
    limit: FleetLimit
    numbers: dict[str, Scalar]


def step_of(wanted: int) -> int:
    """Replicas of each arm that start together."""
    return max(LEAST, math.ceil(wanted / STEPS))


def fleet_size(
    use: ReplicaUse,
    machine: Machine,
    *,
    most: int,
    up: int,
    paired: int,
    most_bytes: int | None = None,
    chosen: bool = True,
    stacks: bool = False,
) -> FleetSize:
    """How many of ``most`` fit beside ``paired`` containers of pairs, which are still to start.

    ``up`` replicas (of both arms together) are running while ``machine.memory_bytes`` are left.
    ``most_bytes`` is a container's memory limit (None: it has none).  Unless the number is to be
    ``chosen``, only known memory speaks against it.
    """
    limit: FleetLimit = "none"
    numbers: dict[str, Scalar] = {}
    if chosen and stacks and most > MOST_STACKS:
        most, limit = MOST_STACKS, "stacks"
    if use.memory_bytes is None or machine.memory_bytes is None:
        if chosen and most > UNWEIGHED:
            most, limit = UNWEIGHED, "unknown"
        return FleetSize(most, limit, numbers)
    each = GROWTH * use.memory_bytes
    if most_bytes is not None:
        each = min(each, most_bytes)
    free = machine.memory_bytes + up * use.memory_bytes - RESERVE_BYTES - paired * each
    fit = math.floor(max(0.0, free) / (2 * each)) if each else most
    if fit < most:
        most, limit = fit, "memory"
        numbers = {"each_bytes": each, "free_bytes": max(0.0, free)}
    idle = 2 * use.idle_cpus
    fit = math.floor(IDLE_SHARE * machine.cpus / idle) if idle > 0 else most
    if fit < most:
        most, limit = fit, "cpus"
        numbers = {"idle_cpus": use.idle_cpus, "cpus": machine.cpus}
    return FleetSize(most if most >= LEAST else 0, limit, numbers)
