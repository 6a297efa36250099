"""Exit codes 0, 1 and 4: what a gate says about two images that it measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import SAME, Gate
from tests.e2e.scenarios import DELAY_TAG, ECHO_TAG, HTTP_TAG, waived
from tests.e2e.terminal import screen
from tests.services.build import build_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

Scenario = Callable[..., Path]
BASE = ["/delay", "--before-response", "3000"]


# Its twins that always run: test_readme.py, test_pull_request.py and test_noise.py pass an image
# beside itself.
@pytest.mark.slow
def test_the_same_image_passes(gate: Gate, scenario: Scenario) -> None:
    done = gate.gate(scenario(), "--seed", "11")
    verdict = done.judged(Exit.PASS, Reason.NO_REGRESSION)
    assert done.stdout.startswith("pass: ")
    assert verdict["pairs"] >= 2
    assert verdict["seed"] == 11
    assert verdict["completeness"]["balanced"] is True
    assert verdict["completeness"]["dropped"] == 0
    told = done.stderr.splitlines()  # one line a pair, nothing else
    assert sum(line.startswith("pair excluded: ") for line in told) + verdict["pairs"] == len(told)
    assert all(line.startswith("pair ") for line in told)


@pytest.mark.parametrize(
    ("stage", "interleave", "slower"),
    [
        ("app", "slice", ["/delay", "--before-response", "4200"]),
        pytest.param(
            "recv_wait",
            "request",
            ["/delay", "--before-read", "1200", "--before-response", "3000"],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["app", "recv_wait"],
)
def test_a_slower_candidate_fails_beyond_its_waiver_and_its_stage_is_named(
    gate: Gate, scenario: Scenario, stage: str, interleave: str, slower: list[str]
) -> None:
    path = scenario(
        service={"command": slower},
        baseline={"command": BASE},
        # A stage is named from 5 pairs on; evidence of 1 / alpha takes 6.
        gate={"alpha": 0.06, "interleave": interleave},
    )
    done = gate.gate(
        waived(path, 0.12, "2999-12-31", gate.image_id(DELAY_TAG)), "--json", "--quiet"
    )
    verdict = done.judged(Exit.REGRESSION, Reason.REGRESSION)
    (metric,) = verdict["metrics"]
    assert metric["verdict"] == "regression"
    assert 0.3 < metric["change"] < 0.5
    middle = next(part for part in verdict["attribution"] if part["slice"] == "middle")
    assert middle["stage"] == stage
    assert f"`{stage}`" in done.report.splitlines()[0]
    assert json.loads(done.stdout) == verdict
    assert done.stderr == ""
    pairs = read_result(done.out / "result.json").pairs
    assert {pair.interleave for pair in pairs} == {interleave}
    for pair in pairs if interleave == "slice" else ():
        assert pair.baseline.window_from_ns == pair.candidate.window_from_ns
        assert pair.candidate.duration_s >= 2 * 0.5  # half of it is its own


@pytest.mark.slow
def test_a_candidate_that_fails_requests_is_a_regression_whatever_its_latency(
    gate: Gate, scenario: Scenario
) -> None:
    path = scenario(
        service={"image": ECHO_TAG, "command": ["/echo", "--close-every", "20"]},
        baseline={"command": ["/echo"]},
        gate={"connections": True},
    )
    done = gate.gate(path, "--quiet", baseline=ECHO_TAG)
    verdict = done.judged(Exit.REGRESSION, Reason.MORE_ERRORS)
    counts = {count["name"]: count for count in verdict["counts"]}
    assert list(counts) == ["errors", "capacity", "connections"]
    errors = counts["errors"]
    assert errors["baseline_count"] == 0
    assert 0.02 < errors["candidate_count"] / errors["candidate_total"] < 0.1
    assert errors["failed"]
    assert done.stdout.startswith("regression: errors: ")
    assert "### Errors and capacity" in done.report


@pytest.mark.slow
def test_statuses_of_a_load_command_are_judged_though_it_ends_with_0(
    gate: Gate, scenario: Scenario, docker_client: Any
) -> None:
    build_image(docker_client, "http.c", HTTP_TAG, ["/http"])
    # On busy CPUs wrk would fill the probe's log by a service that waits for nothing.
    waits = ["/http", "--delay", "2000"]
    argv = ["wrk", "-t1", "-c{connections}", "-d{duration_s}s", "http://{host}:{port}/"]
    path = scenario(
        service={"image": HTTP_TAG, "port": 8080, "command": [*waits, "--status", "503"]},
        baseline={"command": waits},
        load={
            "driver": "command",
            "command": {"argv": argv},
            "warmup_s": 0.5,
            "duration_s": 1.5,
            "payload": None,
            "response": None,
        },
    )
    done = gate.gate(path, "--quiet", baseline=HTTP_TAG)
    verdict = done.judged(Exit.REGRESSION, Reason.MORE_ERRORS)
    errors = verdict["counts"][0]
    assert errors["baseline_count"] == 0
    assert errors["candidate_count"] == errors["candidate_total"] > 0


def test_a_budget_too_small_to_decide_is_inconclusive_and_progress_stays_in_place(
    gate: Gate, scenario: Scenario
) -> None:
    terminal = gate.on_terminal(
        "gate", scenario(), SAME, "--baseline-image", DELAY_TAG, "--max-pairs", 1
    )
    done = terminal.end()
    verdict = done.judged(Exit.INCONCLUSIVE, Reason.BUDGET_PAIRS)
    assert verdict["pairs"] == 1
    assert verdict["pairs_to_decide"] >= 1
    assert "--max-pairs" in done.report  # what to do next
    for phase in ("loading the probe", "pair 1/1: starting containers", "pair 1/1: measuring"):
        assert phase in done.stderr
    # A busy machine repeats a pair; other tests leave something to a gate that begins.
    others = ("pair excluded: ", "removed what an earlier, killed run left: ")
    kept = [line for line in screen(done.stderr) if not line.startswith(others)]
    assert len(kept) == 3, done.stderr
    assert kept[0].startswith("pair 1/1  p50 ")
    assert kept[1].startswith("inconclusive: ")
    assert kept[2] == f"reports in {done.out}"
