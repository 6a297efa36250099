"""The load of an arm, split over the containers of a block."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from socklat_gate.load.bounds import for_containers, max_connections_of
from socklat_gate.load.schedule import make_schedule
from socklat_gate.scenario import Load
from socklat_gate.scenario.rate_steps import mean_rate, peak_rate

LOAD = Load(driver="http", rate=800.0, connections=10, duration_s=20.0)


def test_one_container_has_the_whole_load() -> None:
    assert for_containers(LOAD, 1) is LOAD


@pytest.mark.parametrize(("containers", "connections"), [(2, 5), (4, 3)])
def test_each_container_has_its_part_of_rate_and_connections(
    containers: int, connections: int
) -> None:
    part = for_containers(LOAD, containers)
    assert mean_rate(part) == 800.0 / containers
    assert part.connections == connections
    assert (part.duration_s, part.path) == (LOAD.duration_s, LOAD.path)


def test_each_container_has_a_connection_at_least() -> None:
    few = Load(driver="http", connections=1, max_connections=6)
    part = for_containers(few, 4)
    assert (part.connections, part.max_connections, max_connections_of(part)) == (1, 2, 2)


def test_the_steps_of_a_rate_are_split_one_by_one() -> None:
    steps = Load(driver="http", rate=[[0.0, 400.0], [5.0, 1200.0]], duration_s=10.0)
    part = for_containers(steps, 4)
    assert part.rate == [[0.0, 100.0], [5.0, 300.0]]
    assert (mean_rate(part), peak_rate(part)) == (200.0, 300.0)


@pytest.mark.parametrize("containers", [1, 2, 4])
def test_an_arm_gets_its_rate_however_many_containers_share_it(containers: int) -> None:
    endpoints = 2 * containers
    schedule = make_schedule(for_containers(LOAD, containers), endpoints, seed=5)
    seconds = (schedule.warmup_ns + schedule.duration_ns) / 1e9
    of_endpoint = Counter(schedule.arm.tolist())
    assert set(of_endpoint) == set(range(endpoints))
    expected = 800.0 / containers * seconds
    assert all(abs(n - expected) < 5 * np.sqrt(expected) for n in of_endpoint.values())
    assert schedule.arm.size == pytest.approx(2 * 800.0 * seconds, rel=0.03)
