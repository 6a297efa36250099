"""More than one worker only where one would be late, and there are CPUs for them."""

from __future__ import annotations

import os

import pytest

from socklat_gate.load.bounds import for_containers
from socklat_gate.load.worker_count import count_workers
from tests.unit.load.load_of import load_of

HTTP = {"driver": "http"}
HTTP2 = {"driver": "http", "http": "2"}
TLS = {"driver": "http", "tls": True}


def count(cpus=64, arms=1, interleave="request", **options):
    return count_workers(load_of(**{"connections": 64, **options}), arms, interleave, cpus)


@pytest.mark.parametrize(
    ("options", "workers"),
    [
        ({**HTTP, "rate": 25_000.0}, 1),  # as docs/lab/load.md has it, on 0.64 of a core
        ({**HTTP, "rate": 40_000.0}, 2),
        ({**HTTP, "rate": 200_000.0}, 8),
        ({**HTTP2, "rate": 10_000.0}, 1),
        ({**HTTP2, "rate": 20_000.0}, 2),
        ({**TLS, "rate": 15_000.0}, 1),
        ({**TLS, "rate": 30_000.0}, 2),
        ({**HTTP, "keep_alive": False, "rate": 1000.0}, 1),
        ({**TLS, "keep_alive": False, "rate": 2000.0}, 3),
        ({"rate": [[0, 100], [0.1, 60_000]]}, 3),
        ({"rate": 1.0}, 1),
    ],
)
def test_as_many_as_the_busiest_second_needs(options, workers):
    assert count(**options) == workers


def test_both_arms_are_sent_by_the_same_workers_unless_they_take_turns():
    assert count(**HTTP, rate=20_000.0, arms=2) == 2
    assert count(**HTTP, rate=20_000.0, arms=2, interleave="slice") == 1


@pytest.mark.parametrize(("cpus", "workers"), [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4)])
def test_half_of_the_cpus_are_the_service_s(cpus, workers):
    assert count(cpus=cpus, **HTTP, rate=200_000.0) == workers


def test_no_more_than_its_cpu_set_or_its_connections_allow():
    assert count(**HTTP, rate=200_000.0, cpuset="0-1,5") == 3
    assert count(**HTTP, rate=200_000.0, connections=2) == 2
    assert count(cpus=2, **HTTP, rate=200_000.0, cpuset="0-1") == 1


def test_a_number_is_taken_as_it_is():
    assert count(cpus=1, workers=5) == 5


def test_of_a_part_of_the_load_each_still_has_a_connection():
    whole = load_of(connections=7, workers=4)
    assert count_workers(for_containers(whole, 3), 6, "request") == 3


def test_the_cpus_are_those_of_this_process():
    load = load_of(driver="http", rate=200_000.0, connections=64)
    expected = max(1, min(8, len(os.sched_getaffinity(0)) // 2))
    assert count_workers(load, 1, "request") == expected
