"""How many containers of each arm fit at the same time: by memory, CPUs and start-up time.

More of them make a block say more: log2 of the C(2k, k) ways to label its containers, where a pair
says one bit, and k times as many starts are met.  They cost memory, and CPU time before the load:
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from socklat_gate.job.memory_left import RESERVE_BYTES
from socklat_gate.measured.facts import Scalar

__all__ = ["SIZES", "ContainerUse", "Limit", "Machine", "Size", "block_start_s", "largest_block"]

SIZES = (4, 2)
"""Containers of each arm, the largest first; 1 always remains."""

GROWTH = 2.0
"""Under load a container holds so many times what it held when it was ready, at most."""

IDLE_SHARE = 0.1
"""Part of the CPUs that all containers may use together while nothing is asked of them."""

SLOWER_START = 2.0
"""A block may take so many times as long to start as a pair, and in any case as long as a run."""

READY_SHARE = 0.5
"""And no longer than this part of ``service.ready.timeout_s``: an estimate may be off."""

Limit = Literal["memory", "cpus", "start", "none"]


@dataclass(frozen=True, slots=True)
class ContainerUse:
    """What one container took: memory when ready (None: not known), CPUs while idle, its start.

    ``start_s`` is from the order to create it until it was ready, ``start_cpu_s`` the CPU time that
    it used meanwhile (both CPU times 0 where they are not known).
    """

    memory_bytes: int | None
    idle_cpus: float
    start_s: float
    start_cpu_s: float


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory that is left beside that container (None: not known), and CPUs for the containers."""

    memory_bytes: int | None
    cpus: int


@dataclass(frozen=True, slots=True)
class Size:
    """``containers`` of each arm, and what speaks against the next larger number."""

    containers: int
    limit: Limit
    numbers: dict[str, Scalar]


def largest_block(
    use: ContainerUse,
    machine: Machine,
    run_s: float,
    ready_s: float = math.inf,
    most_bytes: int | None = None,
) -> Size:
    """The largest block that fits; ``run_s`` is the length of a run.

    ``ready_s`` is how long a start may take, ``most_bytes`` the container's memory limit (None: it
    has none).
    """
    limit: Limit = "none"
    numbers: dict[str, Scalar] = {}
    for size in SIZES:
        stopped = _stopped(size, use, machine, (run_s, ready_s), most_bytes)
        if stopped is None:
            return Size(size, limit, numbers)
        limit, numbers = stopped
    return Size(1, limit, numbers)


def block_start_s(size: int, use: ContainerUse, cpus: int) -> float:
    """How long 2 ``size`` containers take to start: alike, but for the CPUs that they share."""
    return max(use.start_s, 2 * size * use.start_cpu_s / max(1, cpus))


def _stopped(
    size: int,
    use: ContainerUse,
    machine: Machine,
    times_s: tuple[float, float],
    most_bytes: int | None,
) -> tuple[Limit, dict[str, Scalar]] | None:
    checks: tuple[Callable[[], tuple[Limit, dict[str, Scalar]] | None], ...] = (
        lambda: _memory(size, use, machine, most_bytes),
        lambda: _cpus(size, use, machine),
        lambda: _start(size, use, machine, *times_s),
    )
    return next((found for check in checks if (found := check()) is not None), None)


def _memory(
    size: int, use: ContainerUse, machine: Machine, most_bytes: int | None
) -> tuple[Limit, dict[str, Scalar]] | None:
    """Unknown numbers are no permission."""
    numbers: dict[str, Scalar] = {"refused": size}
    if use.memory_bytes is None or machine.memory_bytes is None:
        return "memory", numbers
    each = GROWTH * use.memory_bytes
    if most_bytes is not None:
        each = min(each, most_bytes)
    needed = 2 * size * each
    free = machine.memory_bytes + use.memory_bytes - RESERVE_BYTES
    if needed <= free:
        return None
    return "memory", {**numbers, "needed_bytes": needed, "free_bytes": max(0, free)}


def _cpus(size: int, use: ContainerUse, machine: Machine) -> tuple[Limit, dict[str, Scalar]] | None:
    used = 2 * size * use.idle_cpus
    if used <= IDLE_SHARE * machine.cpus:
        return None
    return "cpus", {"refused": size, "idle_cpus": used, "cpus": machine.cpus}


def _start(
    size: int, use: ContainerUse, machine: Machine, run_s: float, ready_s: float
) -> tuple[Limit, dict[str, Scalar]] | None:
    alone_s = block_start_s(1, use, machine.cpus)
    block_s = block_start_s(size, use, machine.cpus)
    if block_s <= min(max(SLOWER_START * alone_s, run_s), READY_SHARE * ready_s):
        return None
    return "start", {"refused": size, "start_s": block_s, "pair_start_s": alone_s}
