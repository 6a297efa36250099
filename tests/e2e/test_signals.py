"""Signals: whatever a gate is doing, it ends soon, says so, and leaves nothing behind."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit, Reason
from socklat_gate.service.owner import PREFIX
from tests.e2e.harness import SAME, Gate
from tests.e2e.scenarios import DELAY_TAG, ECHO_TAG
from tests.e2e.waiting import wait_until

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.row]

Scenario = Callable[..., Path]
LONG_S = 600.0  # longer than a test may take: whoever waits for its end fails

SILENT = {
    "image": ECHO_TAG,
    "command": ["/echo", "--never-listen"],
    "ready": {"timeout_s": LONG_S},
}
ELSEWHERE = {
    "image": ECHO_TAG,
    "command": ["/echo", "--log", "up", "--port", "7001"],
    "ready": {"log": "^up$"},
}
MEASURING = {"load": {"duration_s": LONG_S}, "gate": {"max_minutes": 60.0}}
PHASES = {
    "loading": ("loading the probe", {}),
    "starting": ("starting containers", {}),
    "waiting-for-readiness": ("starting containers", {"service": SILENT}),
    "connecting": ("connecting", {"service": ELSEWHERE}),
    "measuring": ("measuring", MEASURING),
    "between-pairs": ("pair 1/12  p50", {"gate": {"alpha_pass": 0.001}}),
}
CODES = {signal.SIGINT: Exit.SIGINT, signal.SIGTERM: Exit.SIGTERM}


# One phase of each kind: before there are containers, with them, under load.
ALWAYS = [
    ("loading", signal.SIGINT),
    ("waiting-for-readiness", signal.SIGINT),
    ("measuring", signal.SIGTERM),
]
CASES = [
    pytest.param(
        phase,
        number,
        id=f"{phase}-{number.name}",
        marks=() if (phase, number) in ALWAYS else pytest.mark.slow,
    )
    for phase in PHASES
    for number in CODES
]


@pytest.mark.beside
@pytest.mark.parametrize(("phase", "number"), CASES)
def test_a_signal_ends_a_gate_cleanly(
    gate: Gate, scenario: Scenario, docker_client: Any, phase: str, number: signal.Signals
) -> None:
    text, tables = PHASES[phase]
    image = tables.get("service", {}).get("image", DELAY_TAG)
    terminal = gate.on_terminal("gate", scenario(**tables), SAME, "--baseline-image", image)
    terminal.wait_for(text)
    if phase == "waiting-for-readiness":
        running = {"label": f"{PREFIX}pid={terminal.process.pid}", "status": "running"}
        wait_until(lambda: len(docker_client.api.containers(filters=running)) == 2)
    terminal.process.send_signal(number)
    terminal.process.send_signal(number)  # an impatient second one must not cut the clean-up off
    done = terminal.end()
    done.refused(CODES[number], Reason.INTERRUPTED)
    # The fixture checks that nothing is left.


@pytest.mark.beside
def test_a_signal_while_the_program_is_still_being_loaded(gate: Gate, scenario: Scenario) -> None:
    process = gate.start("gate", scenario(), "--out", gate.out)
    wait_until(lambda: catches(process.pid, signal.SIGTERM))  # the first thing that it does
    process.send_signal(signal.SIGINT)
    gate.end(process).refused(Exit.SIGINT, Reason.INTERRUPTED)


def test_a_killed_gate_is_swept_up_by_the_next_and_a_living_one_is_not(
    gate: Gate, scenario: Scenario, docker_client: Any
) -> None:
    killed = gate.on_terminal("gate", scenario(**MEASURING), SAME, "--baseline-image", DELAY_TAG)
    killed.wait_for("measuring")
    killed.process.kill()
    killed.end()
    labelled = {"label": f"{PREFIX}pid={killed.process.pid}"}
    orphans = [c["Names"][0][1:] for c in docker_client.api.containers(filters=labelled)]
    assert len(orphans) == 2

    path = scenario(**MEASURING)
    living = gate.start("gate", path, SAME, "--baseline-image", DELAY_TAG, "--out", gate.out)
    up = {"label": f"{PREFIX}pid={living.pid}", "status": "running"}
    wait_until(lambda: len(docker_client.api.containers(filters=up)) == 2)
    assert not docker_client.api.containers(all=True, filters=labelled)
    assert not docker_client.api.networks(filters=labelled)

    # Another one beside it sweeps, too, and leaves what has an owner that lives.
    other = gate.gate(scenario(), "--max-pairs", 1)
    other.judged(Exit.INCONCLUSIVE, Reason.BUDGET_PAIRS)
    assert "killed run" not in other.stderr
    assert len(docker_client.api.containers(filters=up)) == 2
    living.send_signal(signal.SIGINT)
    done = gate.end(living)
    assert done.code == Exit.SIGINT, done.stderr
    for name in orphans:
        assert f"removed what an earlier, killed run left: {name}" in done.stderr


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (number - 1) & 1)
