"""What a study's pairs took, from the pairs and the scenario."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from socklat_gate.job.study_timing import study_timing
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.pair import Pair
from socklat_gate.scenario import Scenario
from tests.unit.job.fakes import run, scenario
from tests.unit.verdict.builders import pair_of


def pairs(count: int, containers: int = 1) -> list[Pair]:
    """Each arm has 6000 exchanges in a run of 6 s."""
    return [
        replace(pair_of(run(), run(), at), start=at // containers, replica=at % containers)
        for at in range(count * containers)
    ]


def loaded(**load: Any) -> Scenario:
    document = scenario().model_dump()
    document["load"] = {"driver": "http", "rate": 1000.0, "warmup_s": 1.0, **load}
    return Scenario.model_validate(document)


def test_the_parts_of_a_pair_s_time_and_its_exchanges():
    found = study_timing(loaded(), pairs(6), 9.5)
    assert found is not None
    assert (found.rate, found.duration_s, found.warmup_s) == (1000.0, 6.0, 1.0)
    assert found.start_s == pytest.approx(2.5)
    assert found.exchanges == {"response_p50": 6000}
    assert (found.containers, found.pairs_per_start, found.sizes) == (1, 1, (1, 2, 4))
    assert found.busy == pytest.approx(0.3)
    assert found.watch_minutes == 0.0


def test_a_pass_waits_for_the_watch_where_there_is_one():
    for enabled, minutes in ((True, 3.0), (False, 0.0)):
        watched = scenario(watch={"minutes": 3.0}, spikes={"enabled": enabled})
        found = study_timing(watched, pairs(6), 9.5)
        assert found is not None
        assert found.watch_minutes == minutes


def test_a_block_has_the_exchanges_of_all_its_containers():
    found = study_timing(loaded(), pairs(3, containers=2), 10.0)
    assert found is not None
    assert (found.containers, found.exchanges) == (2, {"response_p50": 12_000})


def test_a_load_with_steps_has_no_rate_to_choose_and_a_tool_no_blocks():
    found = study_timing(loaded(rate=[[0, 1000.0], [2, 500.0]]), pairs(6), 9.5)
    assert found is not None
    assert found.rate is None
    tool = {"driver": "command", "command": {"argv": ["wrk"]}}
    document = scenario().model_dump()
    document["load"] = tool
    found = study_timing(Scenario.model_validate(document), pairs(6), 9.5)
    assert found is not None
    assert (found.rate, found.sizes) == (None, (1,))


def test_nothing_is_known_of_pairs_in_turns_or_of_none():
    assert study_timing(scenario(interleave="block"), pairs(6), 9.5) is None
    none = [replace(pair, excluded=Note(NoteCode.STEAL)) for pair in pairs(2)]
    assert study_timing(loaded(), none, 9.5) is None
