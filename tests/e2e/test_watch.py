"""Replicas that stay up beside the pairs: what only they meet, and how a job ends around them."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from socklat_gate.job.memory_left import RESERVE_BYTES
from tests.e2e.harness import SAME, Gate
from tests.e2e.scenarios import DELAY_TAG, ECHO_TAG

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

Scenario = Callable[..., Path]
BASE = ["/delay", "--before-response", "3000"]
STOPS = ("--stop-every", "5000", "--stop-length", "800", "--stop-idle", "1")


def watch(**keys: Any) -> dict[str, Any]:
    """A short one: six seconds of each of two replicas."""
    return {"watch": {"replicas": 2, "minutes": 0.1, **keys}}


def test_equal_replicas_pass_once_they_were_watched(gate: Gate, scenario: Scenario) -> None:
    done = gate.gate(scenario(gate=watch()))
    verdict = done.judged(Exit.PASS, Reason.NO_REGRESSION)
    found = read_result(done.out / "result.json").watch
    assert found is not None
    assert [(one.arm, one.number) for one in found.replicas] == [
        *(("baseline", 0), ("candidate", 0)),
        *(("baseline", 1), ("candidate", 1)),
    ]
    assert sum((one.to_ns - one.from_ns) / 1e9 for one in found.of("candidate")) >= 12
    for one in found.replicas:
        length_s = (one.to_ns - one.from_ns) / 1e9
        assert 0.3 * 8 < one.exchanges / length_s < 1.7 * 8
        assert (one.no_response, one.started_ns < one.from_ns) == (0, True)
    # What the replicas did is no part of what the pairs were.
    assert verdict["completeness"]["balanced"] is True
    assert verdict["completeness"]["mismatch"] == 0


def test_a_stop_that_only_comes_with_age_fails(gate: Gate, scenario: Scenario) -> None:
    """No container of a pair is ever five seconds old."""
    path = scenario(
        service={"command": [*BASE, *STOPS]},
        baseline={"command": BASE},
        gate=watch(replicas=4, minutes=0.5),
    )
    done = gate.gate(path)
    verdict = done.judged(Exit.REGRESSION, Reason.MORE_STOPS)
    assert verdict["metrics"][0]["change"] == pytest.approx(0.0, abs=0.2)
    stops = read_result(done.out / "result.json").verdict.stops
    assert stops is not None
    assert stops.candidate_with >= 3
    assert stops.longest_ns == pytest.approx(800e6, rel=0.3)
    assert all(age_s > 4.5 for age_s in stops.ages_s)
    # One whose first request comes late has too few looks in it.
    assert (stops.mechanism, set(stops.mechanisms)) == ("blocked", {"blocked"})


def test_a_service_that_restarts_itself_is_never_green(gate: Gate, scenario: Scenario) -> None:
    """It is away for 300 ms; what comes meanwhile waits for a connection, and is quick after that.

    The kernel sees no exchange that is slow, and no container of a pair gets five seconds old.
    """
    away = [*BASE, "--ready-after", "300"]
    path = scenario(
        service={"command": [*away, "--restart-every", "5000"]},
        baseline={"command": away},
        gate=watch(replicas=4, minutes=0.25),
    )
    done = gate.gate(path)
    verdict = done.judged(Exit.INCONCLUSIVE, Reason.WATCH_OPEN)
    assert "waited for a connection" in verdict["reasons"][0]["text"]
    found = read_result(done.out / "result.json").watch
    assert found is not None
    assert sum(one.waited > 0 for one in found.of("candidate")) >= 3
    assert all(one.lost >= 8 for one in found.of("candidate"))
    waits = [sum(one.waited for one in found.of(arm)) for arm in ("baseline", "candidate")]
    assert waits[0] < waits[1] / 4  # a busy machine lets one wait now and then
    assert all(one.lost == 0 for one in found.of("baseline"))
    # Four replicas were away two times or more; a busy machine stops one now and then.
    assert verdict["stops"]["candidate_stops"] < 4
    assert verdict["stops"]["failed"] is False


@pytest.mark.slow
def test_few_replicas_are_replaced_and_fail_by_several_generations(
    gate: Gate, scenario: Scenario
) -> None:
    """The labels of 2 + 2 alone could show this in one of six jobs of equal arms."""
    path = scenario(
        service={"command": [*BASE, *STOPS]},
        baseline={"command": BASE},
        gate=watch(replicas=2, minutes=1.5),
    )
    done = gate.gate(path)
    done.judged(Exit.REGRESSION, Reason.MORE_STOPS)
    found = read_result(done.out / "result.json").watch
    assert found is not None
    assert {one.generation for one in found.replicas} == {0, 1}
    assert len(found.last_of("candidate")) == 2
    first = [one for one in found.replicas if one.generation == 0]
    assert all((one.to_ns - one.from_ns) / 1e9 >= 30 for one in first)
    assert all(one.exchanges > 5 * 30 for one in first)


# Its twins that always run: tests/unit/job/test_fleet.py, and test_signals.py without a watch.
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_leaves_nothing(
    gate: Gate, scenario: Scenario, number: signal.Signals
) -> None:
    path = scenario(gate={**watch(minutes=30), "max_minutes": 60.0})
    terminal = gate.on_terminal("gate", path, SAME, "--baseline-image", DELAY_TAG)
    terminal.wait_for("watch: 2 + 2 replicas")
    terminal.process.send_signal(number)
    terminal.process.send_signal(number)
    code = {signal.SIGINT: Exit.SIGINT, signal.SIGTERM: Exit.SIGTERM}[number]
    terminal.end().refused(code, Reason.INTERRUPTED)
    # The fixture checks that nothing is left.


# Its twin that always runs: the same in tests/unit/job/test_fleet.py.
@pytest.mark.slow
def test_a_replica_that_dies_is_named_with_its_age(gate: Gate, scenario: Scenario) -> None:
    """A container of a pair is asked 240 times, and a replica 400 times a second."""
    path = scenario(
        service={"command": [*BASE, "--die-after", "6000"]},
        baseline={"command": BASE},
        gate={**watch(minutes=1, rate=400), "max_pairs": 100, "alpha_pass": 0.0001},
    )
    verdict = gate.gate(path, "--quiet").judged(Exit.INVALID, Reason.SERVICE_DIED)
    said = verdict["reasons"][0]["text"]
    assert re.search(r"replica of the watch, \d+\.\d s after its start", said)
    assert re.search(r"-candidate-[12]-\d+ exited with code 3", said)


def test_one_that_never_gets_ready_is_one_of_the_watch(gate: Gate, scenario: Scenario) -> None:
    never = {"image": ECHO_TAG, "command": ["/echo", "--never-listen"], "ready": {"timeout_s": 1.0}}
    path = scenario(service=never, gate=watch())
    done = gate.gate(path, "--quiet", baseline=ECHO_TAG)
    verdict = done.judged(Exit.INVALID, Reason.SERVICE_NOT_READY)
    assert "starting replicas of the watch: container" in verdict["reasons"][0]["text"]


# Its twins that always run: what memory is left for, in tests/unit/job/test_fleet.py.
@pytest.mark.slow
def test_memory_for_one_alone_is_never_green(
    gate: Gate, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socklat_gate.job.fleet_use.memory_left_bytes", lambda: RESERVE_BYTES)
    done = gate.gate(scenario(gate=watch(replicas="auto")))
    verdict = done.judged(Exit.INCONCLUSIVE, Reason.WATCH_OPEN)
    (note,) = [text for text in verdict["notes"] if text.startswith("no watch: ")]
    assert "0 B are free" in note
    assert verdict["duration_s"] < 60


@pytest.mark.slow
def test_a_budget_that_ends_in_the_middle_of_it(gate: Gate, scenario: Scenario) -> None:
    path = scenario(gate={**watch(minutes=0.5), "max_minutes": 0.55})
    verdict = gate.gate(path).judged(Exit.INCONCLUSIVE, Reason.BUDGET_MINUTES)
    assert Reason.WATCH_OPEN.value in [reason["code"] for reason in verdict["reasons"]]
    assert verdict["duration_s"] == pytest.approx(33, abs=8)
