from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.job.block_size import Machine
from socklat_gate.job.container_use import ReadyUse
from socklat_gate.job.fleet_size import fleet_size, step_of
from socklat_gate.job.memory_left import RESERVE_BYTES

MIB = 1 << 20
SMALL = ReadyUse(memory_bytes=20 * MIB, idle_cpus=0.001)
MACHINE = Machine(memory_bytes=4000 * MIB, cpus=2)
AUTO = {"most": 16, "up": 2, "paired": 2}


def test_where_everything_fits_there_are_as_many_as_can_be() -> None:
    size = fleet_size(SMALL, MACHINE, **AUTO)
    assert (size.replicas, size.limit, size.numbers) == (16, "none", {})


@pytest.mark.parametrize(
    ("free_mib", "replicas"), [(6800, 16), (6799, 15), (1200, 2), (1199, 0), (0, 0)]
)
def test_all_fit_into_the_memory_beside_the_pairs(free_mib: int, replicas: int) -> None:
    """100 MiB each, twice as much under load, two of a pair too; two of them are there already."""
    use = replace(SMALL, memory_bytes=100 * MIB)
    machine = replace(MACHINE, memory_bytes=free_mib * MIB + RESERVE_BYTES - 200 * MIB)
    size = fleet_size(use, machine, **AUTO)
    assert size.replicas == replicas
    if replicas < 16:
        assert size.limit == "memory"
        assert size.numbers["each_bytes"] == 200 * MIB


def test_a_memory_limit_bounds_what_one_can_take() -> None:
    use = replace(SMALL, memory_bytes=100 * MIB)
    machine = replace(MACHINE, memory_bytes=2000 * MIB + RESERVE_BYTES)
    few = fleet_size(use, machine, **AUTO)
    more = fleet_size(use, machine, most_bytes=120 * MIB, **AUTO)
    assert (few.replicas, more.replicas) == (4, 8)


@pytest.mark.parametrize("unknown", ["replica", "machine"])
def test_memory_that_is_not_known_allows_a_few(unknown: str) -> None:
    use = replace(SMALL, memory_bytes=None) if unknown == "replica" else SMALL
    machine = replace(MACHINE, memory_bytes=None) if unknown == "machine" else MACHINE
    size = fleet_size(use, machine, **AUTO)
    assert (size.replicas, size.limit) == (6, "unknown")
    given = fleet_size(use, machine, **{**AUTO, "most": 12}, chosen=False)
    assert (given.replicas, given.limit) == (12, "none")


@pytest.mark.parametrize(
    ("idle_cpus", "replicas"),
    # As stacks with a health check each second: without two replicas there is no pass.
    [(0.006, 16), (0.01, 10), (0.06, 2), (0.12, 2), (0.25, 2), (0.26, 0)],
)
def test_what_is_busy_by_itself_is_watched_less(idle_cpus: float, replicas: int) -> None:
    size = fleet_size(replace(SMALL, idle_cpus=idle_cpus), MACHINE, **AUTO)
    assert size.replicas == replicas
    assert size.limit == ("none" if replicas == 16 else "cpus")


def test_of_stacks_there_are_few_unless_more_are_asked_for() -> None:
    size = fleet_size(SMALL, MACHINE, stacks=True, **AUTO)
    assert (size.replicas, size.limit) == (4, "stacks")
    asked = fleet_size(SMALL, MACHINE, stacks=True, chosen=False, most=6, up=2, paired=2)
    assert (asked.replicas, asked.limit) == (6, "none")


@pytest.mark.parametrize(("wanted", "step"), [(2, 2), (3, 2), (8, 2), (9, 3), (16, 4), (32, 8)])
def test_they_start_in_a_few_groups(wanted: int, step: int) -> None:
    assert step_of(wanted) == step
