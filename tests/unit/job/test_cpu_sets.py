"""Which CPUs each arm gets of its own, by the machine's cores and what the scenario says."""

from __future__ import annotations

import os
from typing import Any

import pytest

from socklat_gate.job.cpu_sets import arm_cpus, usable_cores
from socklat_gate.measured.facts import NoteCode
from socklat_gate.scenario import Scenario
from socklat_gate.wording.notes import note_text
from tests.unit.job.fakes import scenario

THREADS = [(0, 4), (1, 5), (2, 6), (3, 7)]
"""Four cores of two threads each, numbered as Linux does."""


def planned(*, quantile: float = 0.99, interleave: str = "request", **keys: Any) -> Scenario:
    document = scenario().model_dump()
    document["gate"]["metrics"][0]["quantile"] = quantile
    document["gate"]["interleave"] = interleave
    document["load"] = {"driver": "http", "rate": 1000.0, "duration_s": 10.0}
    for name, value in keys.items():
        part, _, key = name.partition("_")
        document[part][key] = value
    return Scenario.model_validate(document)


@pytest.mark.parametrize(
    ("cores", "sets"),
    [
        ([(0,), (1,), (2,)], ["0", "2"]),
        ([(0,), (1,), (2,), (3,)], ["0", "3"]),
        ([(0,), (1,), (2,), (3,), (4,)], ["0,1", "3,4"]),
        ([(0, 1), (2, 3)], ["0", "3"]),  # no core is in both
        ([(0, 3), (1, 4), (2, 5)], ["0,3", "2,5"]),
        (THREADS, ["0,1,4", "3,6,7"]),
    ],
)
def test_arms_have_sets_of_equal_size_and_leave_a_cpu_free(cores, sets):
    found = arm_cpus(planned(), cores)
    assert found.scenario.service.cpuset == sets
    assert found.each == len(sets[0].split(","))
    (note,) = found.notes
    assert note.code is NoteCode.OWN_CPUS
    assert " | ".join(sets) in note_text(note)


def test_the_scenario_s_own_hash_stays_and_only_pairs_have_sets():
    before = planned()
    found = arm_cpus(before, THREADS)
    assert before.service.cpuset is None
    assert found.scenario.load == before.load
    assert arm_cpus(planned(interleave="block"), THREADS).scenario.service.cpuset is None


def test_cpus_of_the_load_are_the_free_ones():
    cores = [(0,), (1,), (2,)]
    assert arm_cpus(planned(load_cpuset="0"), cores).scenario.service.cpuset == ["1", "2"]
    assert arm_cpus(planned(load_cpuset="0-1"), cores).scenario.service.cpuset is None
    assert arm_cpus(planned(load_cpuset="0"), cores[:2]).scenario.service.cpuset is None


@pytest.mark.parametrize(
    ("cores", "keys", "said"),
    [
        ([(0,), (1,)], {}, "both arms share 2 CPUs: each one's p90 and p99"),
        ([(0,)], {}, "both arms share 1 CPU:"),
        (THREADS, {"service_cpuset": "1"}, "both arms share the CPUs of service.cpuset"),
        (THREADS, {"service_cpus": 3.5}, "service.cpus = 3.5 is more than the 3 that each"),
    ],
)
def test_arms_that_share_cpus_are_told_so(cores, keys, said):
    found = arm_cpus(planned(**keys), cores)
    assert found.each == 0
    assert found.scenario.service.cpuset == keys.get("service_cpuset")
    (note,) = found.notes
    assert note.code is NoteCode.SHARED_CPUS
    assert said in note_text(note)
    assert arm_cpus(planned(quantile=0.5, **keys), cores).notes == ()


def test_sets_that_the_scenario_gives_are_kept_and_a_limit_that_fits_is_none():
    given = planned(service_cpuset=["0", "1"])
    assert arm_cpus(given, THREADS).scenario == given
    assert arm_cpus(planned(service_cpus=3.0), THREADS).each == 3


def test_this_machine_s_cores_hold_each_usable_cpu_once():
    cpus = [cpu for core in usable_cores() for cpu in core]
    assert sorted(cpus) == sorted(os.sched_getaffinity(0))
