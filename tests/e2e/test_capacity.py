"""The highest rates of services with four connections or workers, 5 ms or 10 ms a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG, HTTP_TAG
from tests.services.build import build_image

pytestmark = [pytest.mark.docker, pytest.mark.slow]

Scenario = Callable[..., Path]

CONNECTIONS = 4
SLOW_US = 10_000
LOAD = {"rate": 100, "connections": CONNECTIONS, "max_connections": CONNECTIONS, "duration_s": 2.0}


def delayed(us: int) -> list[str]:
    return ["/delay", "--before-response", str(us)]


def test_half_the_capacity_fails_and_is_told(gate: Gate, scenario: Scenario) -> None:
    path = scenario(
        service={"command": delayed(SLOW_US)},
        load=LOAD,
        baseline={"command": delayed(SLOW_US // 2)},
    )
    done = gate.run(
        "capacity", path, "--baseline-image", DELAY_TAG, "--within-ms", 100, "--seed", 4
    )
    assert done.code == Exit.REGRESSION, done.stderr
    verdict = json.loads((done.out / "capacity.json").read_text())["body"]["verdict"]
    # The service responds to one request a connection at a time, and adds a little to its delay.
    for arm, us in (("baseline_rps", SLOW_US // 2), ("candidate_rps", SLOW_US)):
        assert verdict[arm] == pytest.approx(CONNECTIONS * 1e6 / us, rel=0.15)
    assert verdict["change"] == pytest.approx(-0.5, abs=0.08)


def test_the_same_service_passes(gate: Gate, scenario: Scenario) -> None:
    path = scenario(service={"command": delayed(SLOW_US)}, load=LOAD)
    options = ("--allow-same-image", "--within-ms", 100, "--seed", 5)
    done = gate.run("capacity", path, "--baseline-image", DELAY_TAG, *options)
    assert done.code == Exit.PASS, done.stderr
    assert "carries the same rate" in done.stdout


METRIC = """
[[gate.metrics]]
stage = "capacity"
within_ms = 100
"""


@pytest.fixture
def workers(scenario: Scenario, docker_client: Any) -> Scenario:
    """A scenario of a service with so many workers of 5 ms a request, by options of both arms."""
    build_image(docker_client, "http.c", HTTP_TAG, ["/http"])

    def write(baseline: list[str], candidate: list[str], **gate: Any) -> Path:
        usual = ["/http", "--delay", "5000"]
        load = {"driver": "http", "rate": 100, "duration_s": 2.0, "payload": None, "response": None}
        service = {"image": HTTP_TAG, "port": 8080, "command": [*usual, *candidate]}
        tables = {"service": service, "baseline": {"command": [*usual, *baseline]}, "gate": gate}
        return scenario(load=load, **tables)

    return write


@pytest.mark.parametrize("other", [["--status", "203"], ["--body", "2000"]], ids=["status", "size"])
def test_responses_of_another_kind_are_no_capacity(
    gate: Gate, workers: Scenario, other: list[str]
) -> None:
    """The candidate carries half as much again, by sending something else."""
    path = workers(["--workers", "4"], ["--workers", "6", *other])
    options = ("--within-ms", 100, "--seed", 6, "--allow-same-image")
    done = gate.run("capacity", path, "--baseline-image", HTTP_TAG, *options)
    assert done.code == Exit.INCONCLUSIVE, done.stderr
    assert "other statuses or sizes" in done.stdout
    body = json.loads((done.out / "capacity.json").read_text())["body"]
    assert body["verdict"]["reason"] == "answers_differ"
    assert body["verdict"]["change"] > 0.2


@pytest.mark.kernel
def test_a_gate_fails_by_the_capacity_alone(gate: Gate, workers: Scenario) -> None:
    """At the rate of the pairs the arms are alike: half of the workers have nothing to do."""
    path = workers(["--workers", "4"], ["--workers", "2"], max_minutes=6.0)
    path.write_text(path.read_text() + METRIC)
    done = gate.gate(path, "--seed", 7, baseline=HTTP_TAG)
    verdict = done.judged(Exit.REGRESSION, Reason.LESS_CAPACITY)
    assert [metric["verdict"] for metric in verdict["metrics"]] == ["pass"]
    assert verdict["capacity"]["change"] == pytest.approx(-0.5, abs=0.08)
    assert 'name="capacity_rps"' in (done.out / "junit.xml").read_text()


@pytest.mark.kernel
def test_a_gate_passes_once_its_rounds_do(gate: Gate, workers: Scenario) -> None:
    path = workers(["--workers", "4"], ["--workers", "4"], max_minutes=6.0)
    path.write_text(path.read_text() + METRIC)
    done = gate.gate(path, "--seed", 8, baseline=HTTP_TAG)
    verdict = done.judged(Exit.PASS, Reason.NO_REGRESSION)
    assert verdict["capacity"]["verdict"] == "pass"
