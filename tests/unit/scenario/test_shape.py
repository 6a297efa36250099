"""Which keys make campaigns incomparable, and which change no number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socklat_gate.scenario import Scenario

OF_0_1 = "df070e6e22d4c487"
"""The hash that 0.1 gave the scenario below: what was stored then stays comparable."""


def scenario(service: dict[str, Any] | None = None, **load: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "demo",
            "service": {"image": "demo:2", "port": 80, **(service or {})},
            "load": {"driver": "http", **load},
        }
    )


def test_the_hash_is_that_of_before() -> None:
    assert scenario().measured_hash() == OF_0_1
    assert scenario().former_hashes() == ()


@pytest.mark.parametrize(
    "service",
    [
        {"image": "demo:3"},
        {"ready": {"timeout_s": 90}},
        {"ready": {"http": "/health", "status": 204, "timeout_s": 90}},
        {"ready": {"log": "listening"}},
    ],
)
def test_what_changes_no_number_of_the_service(service: dict[str, Any]) -> None:
    assert scenario(service).measured_hash() == OF_0_1


@pytest.mark.parametrize(
    "load",
    [
        {"max_errors": 0.5},
        {"max_lag_ms": 7},
        {"max_late_ms": 7},
        {"max_duration_s": 99},
        {"expect": {"status": [200]}},
    ],
)
def test_what_changes_no_number_of_the_load(load: dict[str, Any]) -> None:
    assert scenario(**load).measured_hash() == OF_0_1


def test_how_a_tools_end_is_taken_changes_no_number() -> None:
    def of(**command: Any) -> str:
        table = {"argv": ["wrk"], **command}
        return scenario(driver="command", command=table).measured_hash()

    assert of() == of(ok_exit_codes=[0, 99])
    assert of() != of(argv=["hey"])


@pytest.mark.parametrize(
    ("service", "load"),
    [
        ({"command": "./api"}, {}),
        ({"env": {"A": "1"}}, {}),
        ({"port": 81}, {}),
        ({"volumes": ["./a:/a"]}, {}),
        ({"cpus": 1}, {}),
        ({"cpuset": "0"}, {}),
        ({"memory": "1g"}, {}),
        ({"publish": 18080}, {}),
        ({}, {"rate": 1001}),
        ({}, {"connections": 31}),
        ({}, {"duration_s": 9}),
        ({}, {"path": "/other"}),
        ({}, {"headers": {"a": "b"}}),
        ({}, {"timeout_s": 1}),
    ],
)
def test_what_changes_a_number_is_another_scenario(
    service: dict[str, Any], load: dict[str, Any]
) -> None:
    assert scenario(service, **load).measured_hash() != OF_0_1


def test_the_number_of_a_published_port_is_none_of_a_measurement() -> None:
    one, other = scenario({"publish": 18080}), scenario({"publish": 18090})
    assert one.measured_hash() == other.measured_hash() != OF_0_1


def test_what_older_documents_may_have() -> None:
    # As 0.1 hashed them, with `ready` and the port's number.
    former = scenario({"ready": {"http": "/health", "timeout_s": 90}}).former_hashes()
    assert "ef8786524832ddc9" in former  # ready.http = "/health" and the default timeout
    published = scenario({"publish": 18080, "ready": {"http": "/health"}})
    assert len(published.former_hashes()) == 3
    assert published.measured_hash() not in published.former_hashes()


MIX = [{"name": "list", "weight": 3.0}, {"name": "make", "method": "POST", "body": "{}"}]


@pytest.mark.parametrize(
    "other",
    [
        [{"name": "list", "weight": 2.0}, MIX[1]],
        [MIX[1], MIX[0]],
        [MIX[0], {**MIX[1], "name": "put"}],
        [MIX[0], {**MIX[1], "body": "[]"}],
        [MIX[0], {**MIX[1], "headers": {"a": "b"}}],
    ],
)
def test_another_mix_is_another_scenario(other: list[dict[str, Any]]) -> None:
    hashes = {scenario(request=mix).measured_hash() for mix in (MIX, other)}
    assert len(hashes | {OF_0_1}) == 3


def test_what_is_expected_of_one_of_several_changes_no_number() -> None:
    expecting = [MIX[0], {**MIX[1], "expect": {"status": [201]}}]
    assert scenario(request=expecting).measured_hash() == scenario(request=MIX).measured_hash()


def test_the_hash_of_a_mix_never_changes() -> None:
    # Recorded once: a key that is added later must not make stored campaigns incomparable.
    assert scenario(request=MIX).measured_hash() == "addd914c072d2435"
    steps = scenario(rate=[[0, 500], [4, 1600]])
    assert steps.measured_hash() == "8f997c5ed01a0920"


def test_files_count_by_what_is_in_them(tmp_path: Path) -> None:
    def of(feeder: str, body: str, *, to: str = "") -> str:
        names = [f"{to}{name}" for name in ("rows.csv", "body.json")]
        for name, text in zip(names, (feeder, body), strict=True):
            (tmp_path / name).write_text(text)
        request = {"name": "make", "path": "/{id}", "body_file": names[1]}
        load = {"driver": "http", "feeder": names[0], "request": [request]}
        document = {"name": "demo", "service": {"image": "demo:2", "port": 80}, "load": load}
        context = {"directory": tmp_path}
        return Scenario.model_validate(document, context=context).measured_hash()

    same = of("id\n1\n", "{}")
    assert same == of("id\n1\n", "{}", to="other-")
    assert len({same, of("id\n2\n", "{}"), of("id\n1\n", "[]")}) == 3
