"""A container with more in it than its service: a server behind it, its own client, a pause."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from socklat_gate.measured.facts import NoteCode
from socklat_gate.service.freezer import FreezeMeter
from socklat_gate.service.owner import ARM_LABEL, PREFIX
from tests.e2e.harness import SAME, Gate
from tests.e2e.scenarios import DELAY_TAG
from tests.e2e.waiting import wait_until
from tests.services.build import build_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

Scenario = Callable[..., Path]

STAGES_TAG = "socklat-test/e2e-stages:latest"
ASK_ITSELF_MS = 500
PROXY = ["/stages", "--ask-itself", str(ASK_ITSELF_MS), "--depend-port", "7001", "--inner"]
CONNECTIONS = 16  # of the scenario
FROZEN_S = 0.5
_ESTABLISHED = "01"  # TCP_ESTABLISHED in /proc/net/tcp


def loaded_candidate(client: Any, process: subprocess.Popen[bytes]) -> Any:
    """The candidate's container once the load has opened its connections."""
    chosen = {"label": [f"{PREFIX}pid={process.pid}", f"{ARM_LABEL}=candidate"]}
    found: list[Any] = []

    def loaded() -> bool:
        assert process.poll() is None, "the gate ended at once"
        found[:] = client.containers.list(filters=chosen)
        return bool(found) and connections(found[0].attrs["State"]["Pid"]) >= CONNECTIONS

    wait_until(loaded)
    return found[0]


def connections(pid: int) -> int:
    """Established ones of IPv4 clients in the network namespace of a process."""
    try:
        lines = [
            line
            for name in ("tcp", "tcp6")
            for line in Path(f"/proc/{pid}/net/{name}").read_text("ascii").splitlines()[1:]
        ]
    except OSError:
        return 0
    return sum(line.split()[3] == _ESTABLISHED for line in lines)


@pytest.fixture
def stages_image(docker_client: Any) -> str:
    return build_image(docker_client, "stages.c", STAGES_TAG, ["/stages"])


@pytest.mark.slow
def test_a_slower_server_inside_is_named_and_no_client_inside_disturbs(
    gate: Gate, scenario: Scenario, stages_image: str
) -> None:
    path = scenario(
        service={"image": stages_image, "command": [*PROXY, "4000"]},
        baseline={"image": stages_image, "command": [*PROXY, "2500"]},
        # A stage is named from 5 pairs on; evidence of 1 / alpha takes 6.
        gate={"alpha": 0.06},
        load={"rate": 50, "duration_s": 3.5},
    )
    done = gate.gate(path, baseline=None)
    verdict = done.judged(Exit.REGRESSION, Reason.REGRESSION)
    (middle,) = (part for part in verdict["attribution"] if part["slice"] == "middle")
    assert (middle["stage"], middle["port"]) == ("internal", "7001")
    assert "which waits for port `7001` inside the container (`internal`)" in done.report
    assert verdict["completeness"]["mismatch"] == 0
    for pair in read_result(done.out / "result.json").pairs:
        for run in (pair.baseline, pair.candidate):
            asked_itself = 1000 * run.duration_s / ASK_ITSELF_MS
            assert run.counters["local"] >= asked_itself / 2  # none of them is a request of users
            assert run.counters["recorded"] + run.counters["filtered"] == run.load.responded_total
            assert run.internal["7001"].total >= run.load.responded


@pytest.mark.slow
def test_a_frozen_container_is_named_and_its_pair_excluded(
    gate: Gate, scenario: Scenario, docker_client: Any
) -> None:
    path = scenario(load={"duration_s": 2.0})
    process = gate.start("gate", path, SAME, "--baseline-image", DELAY_TAG, "--out", gate.out)
    candidate = loaded_candidate(docker_client, process)
    meter = FreezeMeter(candidate.attrs["State"]["Pid"])

    def long_enough() -> bool:
        meter.poll()
        return meter.frozen_s > FROZEN_S

    candidate.pause()
    wait_until(long_enough)
    candidate.unpause()
    done = gate.end(process)
    done.judged(Exit.PASS, Reason.NO_REGRESSION)
    first, *others = read_result(done.out / "result.json").pairs
    assert first.excluded is not None
    assert (first.excluded.code, first.excluded.subject) == (NoteCode.FROZEN, "candidate")
    assert all(pair.excluded is None or pair.excluded.code != NoteCode.FROZEN for pair in others)
    assert "the candidate's container was frozen for" in done.report
