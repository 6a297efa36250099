from __future__ import annotations

from typing import Any

import pytest

from socklat_gate.job.scenario_notes import scenario_notes
from socklat_gate.measured.facts import NoteCode
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.default_gate import DEFAULT_GATE


def scenario(load: dict[str, Any], **gate: Any) -> Scenario:
    service = {"image": "demo", "port": 80}
    return Scenario.model_validate({"name": "demo", "service": service, "load": load, "gate": gate})


HTTP = {"driver": "http", "stand_in": True}
ZONE = {"tolerance": 0.02, "regression_threshold": 0.05}


def test_a_scenario_that_says_nothing_has_no_notes() -> None:
    assert scenario_notes(scenario({"driver": "http"})) == ()


@pytest.mark.parametrize(
    ("load", "asked"),
    [
        (HTTP, "GET /"),
        ({**HTTP, "path": "/health", "method": "HEAD"}, "HEAD /health"),
        ({"driver": "tcp", "payload": "PING\\r\\n", "stand_in": True}, "PING"),
        ({"driver": "tcp", "payload": "\\x00\\x01", "response": 4, "stand_in": True}, "\x00\x01"),
        ({"driver": "command", "command": {"argv": ["wrk", "-d1"]}, "stand_in": True}, "wrk"),
    ],
)
def test_a_stand_in_names_what_is_asked(load: dict[str, Any], asked: str) -> None:
    (note,) = scenario_notes(scenario(load))
    assert (note.code, note.subject) == (NoteCode.STAND_IN, asked)


def test_what_is_gated_by_default_and_not_here_is_named() -> None:
    names = [metric.name for metric in DEFAULT_GATE.metrics]
    found = scenario({"driver": "http"}, metrics=[{"quantile": 0.5, **ZONE}])
    (note,) = scenario_notes(found)
    assert (note.code, note.subject) == (NoteCode.DEFAULTS_LEFT_OUT, ", ".join(names[1:]))
    without = scenario({"driver": "http"}, spikes={"enabled": False}, errors=False)
    (note,) = scenario_notes(without)
    assert note.subject == "errors, spikes"


def test_a_stand_in_is_the_same_load() -> None:
    assert scenario(HTTP).measured_hash() == scenario({"driver": "http"}).measured_hash()
