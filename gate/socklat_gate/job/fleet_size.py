"""How many replicas of each arm stay up beside the pairs: by memory and by the CPUs while idle.

Exposure grows with their number and their cost is mostly memory, so there are as many as fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from socklat_gate.job.block_size import GROWTH, IDLE_SHARE, Machine
from socklat_gate.job.container_use import ReadyUse
from socklat_gate.job.memory_left import RESERVE_BYTES
from socklat_gate.measured.facts import Scalar
from socklat_gate.scenario.watch import LEAST
from socklat_gate.service.free_networks import NetworkRoom

__all__ = ["UNWEIGHED", "FleetSize", "fleet_size", "step_of"]

MOST_STACKS = 4
"""Where the job chooses; a stack is several containers."""

UNWEIGHED = 6
"""Where it is not known what a container takes: as few as can show that stops are no chance."""

STEPS = 4
"""So many groups start one after the other: a stop at the same age comes at different moments."""

FEW_SHARE = 0.5
"""Part of the CPUs that the fewest replicas may use while idle: without any there is no pass.

A stack's health check each second, of a program that takes 0.1 s to start, is a twentieth on two.
"""

SPARE_NETWORKS = 2
"""Left for others; routes of the host may take some that look free."""

FleetLimit = Literal["memory", "cpus", "stacks", "networks", "unknown", "none"]


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
    use: ReadyUse,
    machine: Machine,
    *,
    most: int,
    up: int,
    paired: int,
    most_bytes: int | None = None,
    chosen: bool = True,
    stacks: bool = False,
    networks: NetworkRoom | None = None,
) -> FleetSize:
    """How many of ``most`` fit beside ``paired`` containers of pairs, which are still to start.

    ``up`` replicas (of both arms together) are running while ``machine.memory_bytes`` are left.
    ``most_bytes`` is a container's memory limit (None: it has none), ``networks`` what those of
    stacks have and could have (None: no stacks, or not known).  Unless the number is to be
    ``chosen``, only known memory and networks speak against it.
    """
    limit: FleetLimit = "none"
    numbers: dict[str, Scalar] = {}
    if chosen and stacks and most > MOST_STACKS:
        most, limit = MOST_STACKS, "stacks"
    if networks is not None:
        each_has = max(1, math.ceil(networks.own / max(1, up)))
        free_networks = networks.free - paired * each_has - SPARE_NETWORKS
        fit = (up + max(0, free_networks) // each_has) // 2
        if fit < most:
            most, limit = fit, "networks"
            numbers = {"each_networks": each_has, "free_networks": networks.free}
    if use.memory_bytes is None or machine.memory_bytes is None:
        if chosen and most > UNWEIGHED:
            most, limit = UNWEIGHED, "unknown"
        return FleetSize(most if most >= LEAST else 0, limit, numbers)
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
    if fit < LEAST and LEAST * idle <= FEW_SHARE * machine.cpus:
        fit = LEAST
    if fit < most:
        most, limit = fit, "cpus"
        numbers = {"idle_cpus": use.idle_cpus, "cpus": machine.cpus}
    return FleetSize(most if most >= LEAST else 0, limit, numbers)
