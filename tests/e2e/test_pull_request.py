"""A repository with the action wired up: a pull request from green to red, waived and merged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import SAME, Gate
from tests.e2e.scenarios import DELAY_TAG, write_scenario
from tests.services.own_images import OwnImages
from tests.unit.forge.github.api_server import TOKEN, ApiServer
from tests.unit.forge.github.composite import CompositeRun
from tests.unit.forge.github.events import environment, pull_request
from tests.unit.forge.github.runner_files import commands_in
from tests.unit.repositories import Repository, clone_of, new_repository

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "ci" / "action.yml"
ARTIFACT = "https://github.com/octo/shop/actions/runs/{}/artifacts/9"
STORE = "git+branch:baselines"
WAIVER = """
[[waiver]]
metric = "response_p50"
ceiling = 0.6
expires = 2999-12-31
link = "https://tracker.example/PERF-1"
baseline = "{}"
"""


QUICK_US, SLOW_US, SLOWER_US = 3000, 4200, 5900


def dockerfile(own_images: OwnImages, wait_us: int) -> str:
    return own_images.dockerfile(DELAY_TAG, ["/delay", "--before-response", str(wait_us)])


@pytest.fixture
def origin(tmp_path: Path, own_images: OwnImages) -> Repository:
    """What GitHub has: a service that takes 3 ms, and its scenario."""
    made = new_repository(tmp_path / "origin")
    made.git("config", "receive.denyCurrentBranch", "updateInstead")
    write_scenario(
        made.path / "socklat.toml",
        {
            "service": {"image": None, "command": None, "build": "service"},
            # A verdict is awaited in each job: on a busy machine that takes many pairs.
            "gate": {"max_pairs": 40, "max_minutes": 5.0},
        },
    )
    (made.path / ".gitignore").write_text("socklat-out/\nmeasured/\ntmp/\n")
    made.commit(dockerfile(own_images, QUICK_US), "service/Dockerfile")
    return made


@pytest.fixture
def _no_candidate_stays(docker_client: Any, own_images: OwnImages) -> Iterator[None]:
    """What the action builds it removes itself, before `own_images` would."""
    candidates = {item["Id"] for item in docker_client.api.images(name="socklat-gate-candidate")}
    yield
    left = {item["Id"] for item in docker_client.api.images(name="socklat-gate-candidate")}
    assert left <= candidates


class Runner:
    """Jobs of the repository's workflows on a runner of one's own."""

    def __init__(
        self,
        directory: Path,
        origin: Repository,
        server: ApiServer,
        client: Any,
        runner_temp: Path,
    ) -> None:
        self._directory = directory
        self._runner_temp = runner_temp
        self._origin = origin
        self._server = server
        self._client = client
        self._jobs = 0

    def pull_request(self, branch: str, **more: str) -> CompositeRun:
        """The gate's job for a pull request of ``branch``, as docs/howto/github.md has it.

        ``more`` are inputs of the action beside those.
        """
        job = self._job_directory()
        workspace = clone_of(self._origin, job / "workspace")
        workspace.git("checkout", "--quiet", branch)
        sha, run = workspace.git("rev-parse", "HEAD"), 1000 + self._jobs
        variables = environment(
            job,
            "pull_request",
            {"pull_request": pull_request(sha=sha)},
            GITHUB_API_URL=self._server.url,
            GITHUB_BASE_REF="main",
            GITHUB_RUN_ID=str(run),
            GITHUB_SHA=sha,
            GITHUB_WORKSPACE=str(workspace.path),
            RUNNER_ENVIRONMENT="self-hosted",
            RUNNER_TEMP=str(self._runner_temp),
            TEST_TOKEN=TOKEN,
        )
        inputs = {"baseline-ref": "main", "baselines": STORE, "options": f"--seed 3 {SAME}", **more}
        return CompositeRun(ACTION, job, inputs, variables, ARTIFACT.format(run))

    def push_to_main(self) -> str:
        """The baseline's job after a push to main; returns what is stored then."""
        job = self._job_directory()
        workspace = clone_of(self._origin, job / "workspace")
        gate = Gate(workspace.path, self._client)
        variables = environment(
            job, "push", {"ref": "refs/heads/main"}, GITHUB_REF="refs/heads/main"
        )
        try:
            for arguments in (
                ("run", "socklat.toml", "--runs", 2, "--out", "measured", "--quiet"),
                ("baseline", "promote", "measured", "--baselines", STORE),
                ("baseline", "list", "--baselines", STORE),
            ):
                done = gate.run(*arguments, out=False, env=variables)
                assert done.code == 0, (arguments, done.stderr)
            return done.stdout
        finally:
            gate.close()

    def _job_directory(self) -> Path:
        self._jobs += 1
        path = self._directory / f"job-{self._jobs}"
        path.mkdir()
        return path


def at_red(runner: Runner, origin: Repository, own_images: OwnImages, server: ApiServer) -> None:
    """A pull request that passes, then one that is too slow.

    Both are told what the two slow tests of test_action.py are told, too.
    """
    main = origin.git("rev-parse", "HEAD")
    origin.git("checkout", "--quiet", "-b", "topic")
    origin.commit("how to", "README.md")
    green = runner.pull_request("topic")
    assert green.exit_code == 0, green.log
    assert (green.outputs["verdict"], green.outputs["exit-code"]) == ("pass", "0")
    assert abs(float(green.outputs["change-p50"])) < 0.3
    workspace = Path(green.variables["GITHUB_WORKSPACE"])
    assert (workspace / green.outputs["report"]).read_text("utf-8").startswith("✔ **PASS**")
    verdict = json.loads((workspace / green.outputs["verdict-json"]).read_text())
    assert (verdict["verdict"], verdict["baseline_commit"]) == ("pass", main)
    commands = {command.name for command in commands_in(green.log)}
    assert commands == {"group", "stop-commands", "endgroup", "notice"}
    assert "**PASS**" in server.comments[0]["body"]
    assert [check["conclusion"] for check in server.checks] == ["success"]

    origin.commit(dockerfile(own_images, SLOW_US), "service/Dockerfile")
    red = runner.pull_request("topic", build="service", prepare="echo ::error::prepared")
    assert red.exit_code == 1, red.log
    assert {name for name, code in red.ended.items() if code} == {"Conclude"}
    assert len(red.ended) == 7
    assert "::error::prepared" in red.step("Prepare").log
    assert red.outputs["verdict"] == "regression"
    assert 0.25 < float(red.outputs["change-p50"]) < 0.6
    assert [command.name for command in commands_in(red.step("Publish").log)] == ["error"]
    # One comment, updated in place, that remembers; a check run for each commit.
    (comment,) = server.comments
    assert comment["body"].count("**REGRESSION**") == 1
    assert '"verdict":"pass"' in comment["body"]
    assert [check["conclusion"] for check in server.checks] == ["success", "failure"]
    assert server.checks[1]["head_sha"] == origin.git("rev-parse", "HEAD")


@pytest.mark.usefixtures("_no_candidate_stays")
def test_from_green_to_red(
    origin: Repository,
    own_images: OwnImages,
    tmp_path: Path,
    docker_client: Any,
    runner_temp: Path,
) -> None:
    with ApiServer() as server:
        runner = Runner(tmp_path, origin, server, docker_client, runner_temp)
        at_red(runner, origin, own_images, server)


@pytest.mark.slow
@pytest.mark.usefixtures("_no_candidate_stays")
def test_from_green_to_red_to_waived_to_merged(
    origin: Repository,
    own_images: OwnImages,
    tmp_path: Path,
    docker_client: Any,
    runner_temp: Path,
) -> None:
    with ApiServer() as server:
        runner = Runner(tmp_path, origin, server, docker_client, runner_temp)
        main = origin.git("rev-parse", "HEAD")
        assert main[:7] in runner.push_to_main()
        at_red(runner, origin, own_images, server)

        # It cannot waive itself: what the target branch waives counts.
        scenario = (origin.path / "socklat.toml").read_text()
        waiver = WAIVER.format(main[:12])
        origin.commit(scenario + waiver, "socklat.toml")
        by_itself = runner.pull_request("topic")
        assert by_itself.exit_code == 1, by_itself.log
        assert "not used: waiver" in server.comments[0]["body"]
        origin.git("checkout", "--quiet", "main")
        origin.commit(scenario + waiver, "socklat.toml")
        origin.git("checkout", "--quiet", "topic")
        origin.git("merge", "--quiet", "-m", "main", "main")
        waived = runner.pull_request("topic")
        assert waived.exit_code == 0, waived.log
        assert waived.outputs["verdict"] == "pass"
        assert "PERF-1" in server.comments[0]["body"]

        # One comment, updated in place, that remembers; a check run for each commit.
        assert len(server.comments) == 1
        body = server.comments[0]["body"]
        assert body.count("**PASS**") == 1
        assert [kept in body for kept in ('"verdict":"pass"', '"verdict":"regression"')] == [
            True
        ] * 2
        conclusions = [check["conclusion"] for check in server.checks]
        assert conclusions == ["success", "failure", "failure", "success"]

        origin.git("checkout", "--quiet", "main")
        origin.git("merge", "--quiet", "--no-ff", "-m", "merge topic", "topic")
        merged = origin.git("rev-parse", "HEAD")
        stored = runner.push_to_main()
        assert main[:7] in stored
        assert merged[:7] in stored

        # The next one is held against what was merged, and the waiver lets no second one through.
        origin.git("checkout", "--quiet", "-b", "next")
        origin.commit(dockerfile(own_images, SLOWER_US), "service/Dockerfile")
        last = runner.pull_request("next")
        assert last.exit_code == 1, last.log
        assert 0.25 < float(last.outputs["change-p50"]) < 0.6
        assert "is not in force" in server.comments[0]["body"]
