"""Blocks of several containers of each arm: what fails in how many of them, and what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import Gate
from tests.e2e.scenarios import ECHO_TAG

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

Scenario = Callable[..., Path]
BASE = ["/delay", "--before-response", "3000"]
SLOWER = ["/delay", "--before-response", "6000"]


@pytest.mark.parametrize(
    ("containers", "needed"), [pytest.param(2, 4, marks=pytest.mark.slow), (4, 2)]
)
def test_twice_as_slow_fails_in_a_few_blocks(
    gate: Gate, scenario: Scenario, containers: int, needed: int
) -> None:
    path = scenario(
        service={"command": SLOWER},
        baseline={"command": BASE},
        gate={"alpha": 0.01, "alpha_pass": 0.05, "containers": containers},
    )
    done = gate.gate(path)
    verdict = done.judged(Exit.REGRESSION, Reason.REGRESSION)
    assert (verdict["containers"], verdict["pairs"]) == (containers, needed)
    assert verdict["metrics"][0]["change"] == pytest.approx(1.0, abs=0.2)
    assert f"block {needed}/12" in done.stderr
    pairs = read_result(done.out / "result.json").pairs
    assert [pair.replica for pair in pairs[:containers]] == list(range(containers))
    rates = [
        run.load.planned / run.duration_s
        for pair in pairs
        for run in (pair.baseline, pair.candidate)
    ]
    # Every container got its part of 400 requests a second, and all of it was seen.
    assert all(200 / containers < rate < 640 / containers for rate in rates)
    assert verdict["completeness"]["balanced"] is True
    assert f"{containers} + {containers} containers" in done.report


# Its twins that always run: what "auto" comes to in tests/unit/job, blocks that fail above.
@pytest.mark.slow
def test_equal_blocks_pass_and_auto_says_how_many_there_are(gate: Gate, scenario: Scenario) -> None:
    done = gate.gate(scenario(gate={"containers": "auto"}))
    verdict = done.judged(Exit.PASS, Reason.NO_REGRESSION)
    assert verdict["containers"] in (1, 2, 4)
    (note,) = [text for text in verdict["notes"] if "of each arm at the same time" in text]
    assert note.startswith(f"{verdict['containers']} container")
    assert 'gate.containers = "auto"' in note


@pytest.mark.parametrize(
    ("service", "reason", "said"),
    [
        (
            {"command": ["/delay", "--die-after", "60"]},
            Reason.SERVICE_DIED,
            r"-candidate-[12]-\d+ exited with code 3",
        ),
        pytest.param(
            {
                "image": ECHO_TAG,
                "command": ["/echo", "--never-listen"],
                "ready": {"timeout_s": 1.0},
            },
            Reason.SERVICE_NOT_READY,
            r"-candidate-[12]-\d+ was not ready within 1 s",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["dies", "never-ready"],
)
def test_a_container_of_a_block_that_fails_is_named(
    gate: Gate, scenario: Scenario, service: dict[str, object], reason: Reason, said: str
) -> None:
    path = scenario(
        service=service,
        baseline={"command": BASE},
        load={"duration_s": 1.0},
        gate={"containers": 2},
    )
    done = gate.gate(path, "--quiet")
    verdict = done.judged(Exit.INVALID, reason)
    assert re.search(said, verdict["reasons"][0]["text"])


def test_a_port_in_use_is_found_whichever_container_would_have_it(
    gate: Gate, scenario: Scenario
) -> None:
    done = gate.gate(scenario(service={"publish": 65530}, gate={"containers": 4}), "--quiet")
    assert done.code == Exit.USAGE
    assert "service.publish" in done.stderr
