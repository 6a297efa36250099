"""The highest rates of two services that serve four connections, 5 ms or 10 ms a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from socklat_gate.errors import Exit
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG

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
