"""Exit code 6: what was measured cannot be judged, so it never becomes a verdict."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG, ECHO_TAG

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

Scenario = Callable[..., Path]


@dataclass(frozen=True)
class Case:
    """How the service or its load goes wrong, and what the verdict's text must hold."""

    name: str
    reason: Reason
    said: list[str]
    tables: dict[str, dict[str, Any]]


def echo(*options: str, **service: Any) -> dict[str, Any]:
    return {"image": ECHO_TAG, "command": ["/echo", *options], **service}


CASES = [
    Case(
        "never-listens",
        Reason.SERVICE_NOT_READY,
        ["not ready within 1 s", "no connection to", "service.port"],
        {
            "service": echo(
                "--log", "waiting for nothing", "--never-listen", ready={"timeout_s": 1.0}
            )
        },
    ),
    Case(
        "wrong-port",
        Reason.SERVICE_NOT_READY,
        ["not ready within 1 s", ":7001 (", "service.port"],
        {"service": {"port": 7001, "ready": {"timeout_s": 1.0}}},
    ),
    Case(
        "exits-at-once",
        Reason.SERVICE_DIED,
        ["exited with code 7", "| cannot open the till"],
        {
            "service": echo(
                "--log", "cannot open the till", "--exit-now", "--exit-code", "7", log_lines=5
            )
        },
    ),
    Case(
        "no-such-program",
        Reason.SERVICE_DIED,
        ["cannot start", "/no-such-program"],
        {"service": {"command": ["/no-such-program"]}},
    ),
    Case(
        "dies-under-load",
        Reason.SERVICE_DIED,
        ["exited with code 3"],
        {"service": {"command": ["/delay", "--die-after", "100"]}, "load": {"duration_s": 2.0}},
    ),
    Case(
        "load-refused",
        Reason.LOAD_REFUSED,
        ["did not take the load's connections: Connection refused", "service.port"],
        {"service": echo("--log", "up", "--port", "7001", ready={"log": "^up$"})},
    ),
    Case(
        "no-response-understood",
        Reason.LOAD_REFUSED,
        ["none of", "got a response", "load.response"],
        {"service": echo(), "load": {"response": 17, "timeout_s": 0.3}},
    ),
    Case(
        # Some are sent again on connections opened on top: the kernel sees more than the driver.
        "no-response-understood-by-any-connection",
        Reason.LOAD_REFUSED,
        ["none of", "got a response", "load.response"],
        {"service": echo(), "load": {"response": 17, "timeout_s": 0.3, "connections": 2}},
    ),
    Case(
        "load-errors",
        Reason.LOAD_ERRORS,
        ["requests failed", "Connection reset by peer", "load.max_errors"],
        {"service": echo("--close-every", "20")},
    ),
    Case(
        "too-few-connections",
        Reason.LOAD_NOT_DELIVERED,
        ["load.max_connections"],
        {
            "service": {"command": ["/delay", "--before-response", "20000"]},
            "load": {
                "connections": 2,
                "max_connections": 2,
                "max_lag_ms": 50.0,
                "max_errors": 1.0,  # what waits for too long on a busy machine is no case of this
            },
        },
    ),
    Case(
        "too-noisy",
        Reason.TOO_NOISY,
        ["1 measurement had to be excluded", "woke up"],
        {"load": {"max_late_ms": 1e-6}, "gate": {"max_excluded_pairs": 0}},
    ),
]


# Each has a twin that ends in the same phase, and its reason is tested in tests/docker or
# tests/unit/load too.
SLOW = ("wrong-port", "no-such-program", "no-response-understood", "too-few-connections")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=pytest.mark.slow if case.name in SLOW else ())
        for case in CASES
    ],
)
def test_a_measurement_that_failed(gate: Gate, scenario: Scenario, case: Case) -> None:
    image = case.tables.get("service", {}).get("image", DELAY_TAG)
    done = gate.gate(scenario(**case.tables), "--quiet", baseline=image)
    verdict = done.judged(Exit.INVALID, case.reason)
    (given,) = verdict["reasons"]
    for part in case.said:
        assert part in given["text"]
    assert done.stdout.startswith("invalid: ")
    assert verdict["metrics"] == []


@pytest.mark.slow
def test_a_published_port_that_is_taken(gate: Gate, scenario: Scenario) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = gate.gate(scenario(service={"publish": port - 1}), "--quiet")
    verdict = done.judged(Exit.INVALID, Reason.PORT_TAKEN)
    assert "service.publish" in verdict["reasons"][0]["text"]
