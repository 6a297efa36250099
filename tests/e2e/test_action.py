"""ci/action.yml from setting itself up to its comment, with real measurements."""

from __future__ import annotations

import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.report.formats.registry import report_files
from socklat_gate.service.owner import PREFIX, Fate, fate_of
from tests.e2e.harness import SAME
from tests.e2e.scenarios import DELAY_TAG, write_scenario
from tests.e2e.waiting import wait_until
from tests.services.build import build_image
from tests.services.own_images import OwnImages
from tests.unit.forge.github.api_server import TOKEN, ApiServer
from tests.unit.forge.github.composite import CompositeRun
from tests.unit.forge.github.events import HEAD_SHA, environment, pull_request
from tests.unit.forge.github.runner_files import commands_in, outputs_of

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "ci" / "action.yml"
ARTIFACT = "https://github.com/octo/shop/actions/runs/1234/artifacts/9"
BASE = ["/delay", "--before-response", "3000"]
LEAKY_TAG = "socklat-test/e2e-leaky:latest"
SLOWER = ["/delay", "--before-response", "4200"]

Act = Callable[..., CompositeRun]


def left_behind(client: Any) -> set[str]:
    """Containers and networks of gates that have ended, and images that an action built."""
    dead = {name for name, labels in owned(client).items() if fate_of(labels) is Fate.DEAD}
    # Looked at again: a gate beside this test may have removed its own and ended in between.
    images = client.api.images(name="socklat-gate-candidate")
    return (dead & owned(client).keys()) | {item["Id"] for item in images}


def owned(client: Any) -> dict[str, dict[str, str]]:
    """Labels of the containers and networks of all gates, by id."""
    chosen = {"label": f"{PREFIX}pid"}
    found = client.api.containers(all=True, filters=chosen) + client.api.networks(filters=chosen)
    return {item["Id"]: item["Labels"] for item in found}


@pytest.fixture
def variables(server: ApiServer, tmp_path: Path, runner_temp: Path) -> dict[str, str]:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return environment(
        tmp_path,
        "pull_request",
        {"pull_request": pull_request()},
        GITHUB_API_URL=server.url,
        GITHUB_WORKSPACE=str(workspace),
        RUNNER_ENVIRONMENT="self-hosted",
        RUNNER_TEMP=str(runner_temp),
        TEST_TOKEN=TOKEN,
    )


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as started:
        yield started


@pytest.fixture
def act(variables: dict[str, str], tmp_path: Path, docker_client: Any) -> Iterator[Act]:
    """Uses the action in a job of a pull request; nothing may be left of it."""
    before = left_behind(docker_client)

    def use(**inputs: str) -> CompositeRun:
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        return CompositeRun(ACTION, tmp_path, given, variables, ARTIFACT)

    yield use
    assert left_behind(docker_client) - before == set()


def running(client: Any, pid: int) -> list[str]:
    """Containers that are up, of the gate that a step's process started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [
        item["Id"]
        for child in children
        for item in client.api.containers(
            filters={"label": f"{PREFIX}pid={child}", "status": "running"}
        )
    ]


def scenario_in(variables: dict[str, str], **tables: dict[str, Any]) -> None:
    write_scenario(Path(variables["GITHUB_WORKSPACE"]) / "socklat.toml", tables)


# These two have a twin that always runs: test_pull_request.test_from_green_to_red.
@pytest.mark.slow
def test_the_same_image_passes(act: Act, variables: dict[str, str], server: ApiServer) -> None:
    scenario_in(variables)
    done = act(baseline_image=DELAY_TAG, options=f"--seed 11 {SAME}")
    assert done.exit_code == 0, done.log
    assert (done.outputs["verdict"], done.outputs["exit-code"]) == ("pass", "0")
    assert abs(float(done.outputs["change-p50"])) < 0.3
    workspace = Path(variables["GITHUB_WORKSPACE"])
    assert (workspace / done.outputs["report"]).read_text("utf-8").startswith("✔ **PASS**")
    assert "**PASS**" in server.comments[0]["body"]
    assert server.checks[0]["conclusion"] == "success"
    assert {c.name for c in commands_in(done.log)} == {
        "group",
        "stop-commands",
        "endgroup",
        "notice",
    }


@pytest.mark.slow
def test_a_slower_image_built_by_the_action_fails_the_job(
    own_images: OwnImages, act: Act, variables: dict[str, str], server: ApiServer
) -> None:
    scenario_in(variables, service={"command": None}, baseline={"command": BASE})
    context = Path(variables["GITHUB_WORKSPACE"]) / "image"
    context.mkdir()
    (context / "Dockerfile").write_text(own_images.dockerfile(DELAY_TAG, SLOWER))
    done = act(baseline_image=DELAY_TAG, build="image", prepare="echo ::error::prepared")
    assert done.exit_code == 1, done.log
    assert {name for name, code in done.ended.items() if code} == {"Conclude"}
    assert len(done.ended) == 7
    assert "::error::prepared" in done.step("Prepare").log
    assert done.outputs["verdict"] == "regression"
    assert 0.25 < float(done.outputs["change-p50"]) < 0.6
    assert "**REGRESSION**" in server.comments[0]["body"]
    assert (server.checks[0]["conclusion"], server.checks[0]["head_sha"]) == ("failure", HEAD_SHA)
    assert [c.name for c in commands_in(done.step("Publish").log)] == ["error"]


def test_a_service_that_speaks_to_the_runner_is_not_heard(
    act: Act, variables: dict[str, str], server: ApiServer
) -> None:
    scenario_in(variables, service={"image": "::error::x##[add-mask]y"})
    done = act(baseline_image=DELAY_TAG)
    assert done.exit_code == 2, done.log
    assert [c.name for c in commands_in(done.step("Publish").log)] == ["error"]
    assert [c.name for c in commands_in(done.step("Measure").log)] == [
        "group",
        "stop-commands",
        "endgroup",
    ]


def test_a_cancelled_job_leaves_nothing_behind(
    act: Act, variables: dict[str, str], tmp_path: Path, docker_client: Any
) -> None:
    scenario_in(variables, load={"duration_s": 30.0, "max_duration_s": 60.0})
    # The step as the runner starts it, and its signal as the runner sends it: to the shell only.
    ready = act(scenario="nowhere.toml", comment="off", check_run="off")
    output = tmp_path / "cancelled"
    output.touch()
    step = ready.step("Measure")
    script = tmp_path / "cancelled.sh"
    script.write_text(step.script)
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
        cwd=variables["GITHUB_WORKSPACE"],
        env={
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            **variables,
            **step.environment,
            "GITHUB_OUTPUT": str(output),
            "SOCKLAT_ACTION_SCENARIO": "socklat.toml",
            "SOCKLAT_ACTION_BASELINE_IMAGE": DELAY_TAG,
            "SOCKLAT_ACTION_OPTIONS": SAME,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until(lambda: len(running(docker_client, process.pid)) == 2)
        process.send_signal(signal.SIGINT)
        log, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, log.decode()
    assert outputs_of(output)["exit-code"] == "130"


def test_what_a_dying_container_logs_is_in_the_jobs_log_alone(
    act: Act, variables: dict[str, str], server: ApiServer, docker_client: Any, tmp_path: Path
) -> None:
    """Nobody knows the first canary, the second looks secret, the third is one of several lines."""
    unknown, suspect, line = (f"canary{secrets.token_hex(12)}" for _ in range(3))
    key = f"-----BEGIN KEY-----\n{line}\n{line[::-1]}\n-----END KEY-----"
    variables["CANARY_KEY"] = key
    leaky = build_image(docker_client, "leaky.c", LEAKY_TAG, ["/leaky"])
    scenario_in(
        variables,
        service={
            "image": leaky,
            "command": ["/leaky", "--die-after", "100"],
            "env": {"KEY": {"env": "CANARY_KEY"}, "NOTE": unknown, "DB_PASSWORD": suspect},
        },
        load={"driver": "http", "payload": None, "response": None},
    )
    done = act(baseline_image=leaky, options=SAME)
    assert done.exit_code == 6, done.log
    (scenario,) = Path(variables["GITHUB_WORKSPACE"]).glob("*.toml")
    scenario.unlink()
    log = done.step("Measure").log
    assert f"| environment NOTE={unknown}" in log
    assert "| environment DB_PASSWORD=***" in log
    assert "\ufffd" not in log
    shown = [done.step(name).log for name in done.ended if name != "Measure"]
    shown += [done.step("Publish").summary, str(done.outputs), str(server.seen)]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    files += [path for path in Path(variables["RUNNER_TEMP"]).rglob("*") if path.is_file()]
    kept = Path(done.step("Measure").outputs["reports"])
    assert {path.name for path in kept.iterdir()} == set(report_files())
    texts = [*(text.encode() for text in shown), *(path.read_bytes() for path in files)]
    assert "service_died" in str(server.comments[0]["body"])
    for canary in (unknown, suspect, line, line[::-1]):
        assert [text for text in texts if canary.encode() in text] == []
        assert canary == unknown or canary not in log
