from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.job.block_size import ContainerUse, Machine, block_start_s, largest_block
from socklat_gate.job.memory_left import RESERVE_BYTES

MIB = 1 << 20
SMALL = ContainerUse(memory_bytes=20 * MIB, idle_cpus=0.001, start_s=0.6, start_cpu_s=0.1)
MACHINE = Machine(memory_bytes=4000 * MIB, cpus=2)
RUN_S = 5.0


def test_where_everything_fits_there_are_as_many_as_can_be() -> None:
    size = largest_block(SMALL, MACHINE, RUN_S)
    assert (size.containers, size.limit, size.numbers) == (4, "none", {})


@pytest.mark.parametrize(
    ("free_mib", "containers"), [(4000, 4), (1599, 4), (1598, 2), (799, 2), (798, 1), (0, 1)]
)
def test_all_containers_fit_into_the_memory_with_what_they_will_grow_by(
    free_mib: int, containers: int
) -> None:
    """100 MiB each, twice as much under load; one of them is there already."""
    use = replace(SMALL, memory_bytes=100 * MIB)
    machine = replace(MACHINE, memory_bytes=free_mib * MIB + RESERVE_BYTES - 99 * MIB)
    size = largest_block(use, machine, RUN_S)
    assert size.containers == containers
    if containers < 4:
        assert size.limit == "memory"
        assert size.numbers["refused"] == 2 * containers


def test_a_memory_limit_bounds_what_a_container_can_take() -> None:
    use = replace(SMALL, memory_bytes=100 * MIB)
    machine = replace(MACHINE, memory_bytes=1000 * MIB + RESERVE_BYTES)
    assert largest_block(use, machine, RUN_S).containers == 2
    assert largest_block(use, machine, RUN_S, most_bytes=120 * MIB).containers == 4


@pytest.mark.parametrize("unknown", ["container", "machine"])
def test_memory_that_is_not_known_is_no_permission(unknown: str) -> None:
    use = replace(SMALL, memory_bytes=None) if unknown == "container" else SMALL
    machine = replace(MACHINE, memory_bytes=None) if unknown == "machine" else MACHINE
    size = largest_block(use, machine, RUN_S)
    assert (size.containers, size.limit) == (1, "memory")


@pytest.mark.parametrize(("idle_cpus", "containers"), [(0.02, 4), (0.03, 2), (0.06, 1)])
def test_containers_that_are_busy_by_themselves_are_fewer(
    idle_cpus: float, containers: int
) -> None:
    size = largest_block(replace(SMALL, idle_cpus=idle_cpus), MACHINE, RUN_S)
    assert size.containers == containers
    assert size.limit == ("none" if containers == 4 else "cpus")


@pytest.mark.parametrize(
    ("start_s", "start_cpu_s", "run_s", "containers"),
    [
        (60.0, 1.0, 5.0, 4),  # a minute of waiting is one minute for all of them
        (3.0, 3.0, 5.0, 2),  # on 2 CPUs 3 s of work become 6 s for 2 + 2, 12 s for 4 + 4
        (3.0, 3.0, 12.0, 4),
        (20.0, 20.0, 5.0, 2),
    ],
)
def test_the_start_of_a_block_is_not_much_longer_than_that_of_a_pair(
    start_s: float, start_cpu_s: float, run_s: float, containers: int
) -> None:
    use = replace(SMALL, start_s=start_s, start_cpu_s=start_cpu_s)
    size = largest_block(use, MACHINE, run_s)
    assert size.containers == containers
    if containers < 4:
        assert (size.limit, size.numbers["refused"]) == ("start", 4)


def test_a_start_is_waiting_or_work_on_shared_cpus() -> None:
    use = ContainerUse(MIB, 0.0, start_s=2.0, start_cpu_s=1.0)
    assert [block_start_s(size, use, cpus=2) for size in (1, 2, 4)] == [2.0, 2.0, 4.0]
    assert block_start_s(4, use, cpus=16) == 2.0


def test_a_start_that_would_come_near_its_time_limit_is_not_tried() -> None:
    use = replace(SMALL, start_s=8.0, start_cpu_s=6.0)
    assert largest_block(use, MACHINE, 60.0, ready_s=60.0).containers == 4
    assert largest_block(use, MACHINE, 60.0, ready_s=30.0).containers == 2
    assert largest_block(use, MACHINE, 60.0, ready_s=10.0).containers == 1
