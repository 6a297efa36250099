from __future__ import annotations

from typing import Any

import pytest

from socklat_gate.job.probe_room import probe_room
from socklat_gate.scenario import Scenario
from tests.unit.job.fakes import scenario


def stacks() -> Scenario:
    document: dict[str, Any] = scenario().model_dump(exclude_unset=True)
    document["service"] = {"compose": "compose.yml", "service": "api", "port": 80}
    return Scenario.model_validate(document)


@pytest.mark.parametrize(
    ("planned", "containers", "alone", "watched"),
    [
        (scenario(), 1, None, 4),
        (scenario(), 2, 4, 6),
        (scenario(), 4, 8, 10),
        (stacks(), 1, 16, 18),
    ],
    ids=["pair", "two", "four", "stacks"],
)
def test_replicas_of_an_arm_are_one_target_and_those_of_a_pair_take_no_more_than_there_is(
    planned: Scenario, containers: int, alone: int | None, watched: int
) -> None:
    assert probe_room(planned, containers, watched=False).targets == alone
    assert probe_room(planned, containers, watched=True).targets == watched


def test_connections_of_replicas_come_on_top() -> None:
    planned = scenario(watch={"replicas": 4})
    assert probe_room(planned, 1, watched=False).connections == 16_384
    assert probe_room(planned, 1, watched=True).connections == 16_384 + 2 * 4 * 80
