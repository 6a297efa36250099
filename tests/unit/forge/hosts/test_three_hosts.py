"""A repository on three code hosts: a change goes from green to red to waived to merged.

git, CI's variables, limits of the target branch, comments and the branch of baselines are real; the
numbers are recorded, since who measures is not the point here (tests/e2e/test_pull_request.py
measures).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from socklat_gate.measured.verdict import Outcome
from tests.unit.forge.github.api_server import TOKEN as GITHUB_TOKEN
from tests.unit.forge.github.api_server import ApiServer
from tests.unit.forge.github.composite import CompositeRun
from tests.unit.forge.github.events import environment, pull_request
from tests.unit.forge.hosts.recorded import (
    HOWTO,
    ROOT,
    SCENARIO,
    Machine,
    forgejo_job,
    gitlab_job,
    measured_alone,
    recorded,
)
from tests.unit.forge.hosts.server import TOKEN, ForgejoServer, GitLabServer
from tests.unit.forge.hosts.test_pages import forgejo_variables, gitlab_variables
from tests.unit.repositories import Repository, clone_of, new_repository

WAIVER = """
[[waiver]]
metric = "response_p50"
ceiling = 0.6
expires = 2999-12-31
link = "https://tracker.example/PERF-1"
baseline = "{}"
"""
LINK = "https://tracker.example/PERF-1"
STORE = "baselines"


class Job(Protocol):
    """A host's job: of a pull request, or of a push to main."""

    def __call__(self, machine: Machine, workspace: Repository) -> tuple[int, str]: ...


class GitHub:
    """The action, and the steps of docs/howto/baselines.md."""

    store = "socklat-baselines"

    def __init__(self, directory: Path) -> None:
        self.server = ApiServer()
        self._directory = directory
        self._jobs = 0

    @property
    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.server.comments]

    def request(self, machine: Machine, workspace: Repository) -> tuple[int, str]:
        self._jobs += 1
        job = self._directory / f"github-{self._jobs}"
        job.mkdir()
        sha = workspace.git("rev-parse", "HEAD")
        variables = environment(
            job,
            "pull_request",
            {"pull_request": pull_request(sha=sha)},
            GITHUB_ACTIONS="true",
            GITHUB_API_URL=self.server.url,
            GITHUB_BASE_REF="main",
            GITHUB_HEAD_REF="topic",
            GITHUB_REF="refs/pull/7/merge",
            GITHUB_RUN_ID=str(1000 + self._jobs),
            GITHUB_SHA=sha,
            GITHUB_WORKSPACE=str(workspace.path),
            RUNNER_TEMP=str(job),
            TEST_TOKEN=GITHUB_TOKEN,
        )
        inputs = {
            "command": str(machine.bin / "socklat-gate"),
            "baseline-ref": "main",
            "sudo": "never",
        }
        artifact = f"https://github.com/octo/shop/actions/runs/{1000 + self._jobs}/artifacts/9"
        done = CompositeRun(ROOT / "ci" / "action.yml", job, inputs, variables, artifact)
        return done.exit_code, done.log

    def push(self, machine: Machine, workspace: Repository) -> tuple[int, str]:
        text = (HOWTO / "baselines.md").read_text("utf-8")
        block = next(one for one in text.split("```yaml\n")[1:] if "promote" in one)
        (job,) = yaml.safe_load(block.split("```")[0])["jobs"].values()
        script = "\n".join(step["run"] for step in job["steps"] if "run" in step)
        variables = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main"}
        done = machine.run(workspace, f"mkdir measured\n{script}", variables, "-e")
        return done.code, done.log


class GitLab:
    """The jobs of docs/howto/gitlab.md."""

    store = STORE

    def __init__(self, _directory: Path) -> None:
        self.server = GitLabServer()
        self._jobs = 0

    @property
    def bodies(self) -> list[str]:
        return self.server.bodies

    def request(self, machine: Machine, workspace: Repository) -> tuple[int, str]:
        self._jobs += 1
        commit = workspace.git("rev-parse", "HEAD")
        variables = gitlab_variables(self.server, commit, 1000 + self._jobs)
        done = gitlab_job(machine, workspace, 0, variables)
        return done.code, done.log

    def push(self, machine: Machine, workspace: Repository) -> tuple[int, str]:
        variables = {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main", "GITLAB_TOKEN": TOKEN}
        done = gitlab_job(machine, workspace, 1, variables)
        return done.code, done.log


class Forgejo:
    """The workflows of docs/howto/forgejo.md."""

    store = STORE

    def __init__(self, _directory: Path) -> None:
        self.server = ForgejoServer()
        self._jobs = 0

    @property
    def bodies(self) -> list[str]:
        return self.server.bodies

    def request(self, machine: Machine, workspace: Repository) -> tuple[int, str]:
        self._jobs += 1
        commit = workspace.git("rev-parse", "HEAD")
        variables = forgejo_variables(self.server, commit, 1000 + self._jobs)
        done = forgejo_job(machine, workspace, 0, variables, TOKEN)
        return done.code, done.log

    def push(self, machine: Machine, workspace: Repository) -> tuple[int, str]:
        variables = {
            "GITHUB_ACTIONS": "true",
            "FORGEJO_ACTIONS": "true",
            "GITHUB_REF": "refs/heads/main",
        }
        done = forgejo_job(machine, workspace, 1, variables, TOKEN)
        return done.code, done.log


@pytest.fixture(params=[GitHub, GitLab, Forgejo])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    made = request.param(tmp_path)
    with made.server:
        yield made


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    made = new_repository(tmp_path / "origin")
    made.commit(SCENARIO, "socklat.toml")
    made.commit("socklat-out/\nmeasured/\n", ".gitignore")
    return made


@pytest.fixture
def job(tmp_path: Path, origin: Repository) -> Callable[..., tuple[int, str]]:
    """A job in a workspace of its own, which has a branch's newest commit checked out."""
    machine = Machine(tmp_path / "machine", limits=True)
    places = iter(range(100))

    def run(kind: Job, branch: str, outcome: Outcome | None, *, waived: bool = False) -> Any:
        workspace = clone_of(origin, tmp_path / f"workspace-{next(places)}")
        workspace.git("checkout", "--quiet", "--detach", f"origin/{branch}")
        head = workspace.git("rev-parse", "HEAD")
        machine.replay(
            recorded(outcome, head, branch, waived=waived)
            if outcome
            else measured_alone(head, branch)
        )
        code, log = kind(machine, workspace)
        told = machine.told
        assert (told["commit"], told["branch"]) == (head, branch), log
        # The harness of the action keeps its own in a variable.
        tokens = {name for name in told["variables"] if name.endswith("TOKEN")}
        assert tokens <= {"TEST_TOKEN"}
        assert TOKEN not in log
        assert GITHUB_TOKEN not in log
        return code, log, told

    return run


@pytest.mark.slow
def test_from_green_to_red_to_waived_to_merged(
    host: Any, origin: Repository, job: Callable[..., Any]
) -> None:
    main = origin.git("rev-parse", "main")
    origin.git("checkout", "--quiet", "-b", "topic")
    origin.commit("quick", "code")
    code, log, told = job(host.request, "topic", Outcome.PASS)
    assert code == 0, log
    assert told["base"] == main
    assert "**PASS**" in host.bodies[0]

    origin.commit("slow", "code")
    code, log, _ = job(host.request, "topic", Outcome.REGRESSION)
    assert code == 1, log
    (body,) = host.bodies
    assert "**REGRESSION**" in body
    assert '"verdict":"pass"' in body

    # It cannot waive itself: what the target branch waives counts.
    origin.commit(SCENARIO + WAIVER.format(main[:12]), "socklat.toml")
    code, log, told = job(host.request, "topic", Outcome.REGRESSION)
    assert code == 1, log
    assert told["waivers"] == []

    origin.git("checkout", "--quiet", "main")
    waiving = origin.commit(SCENARIO + WAIVER.format(main[:12]), "socklat.toml")
    origin.git("checkout", "--quiet", "topic")
    origin.git("merge", "--quiet", "-m", "main", "main")
    code, log, told = job(host.request, "topic", Outcome.PASS, waived=True)
    assert code == 0, log
    assert (told["waivers"], told["base"]) == ([LINK], waiving)
    (body,) = host.bodies
    assert "PERF-1" in body
    assert body.count('"verdict":"regression"') == 2

    origin.git("checkout", "--quiet", "main")
    origin.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    merged = origin.git("rev-parse", "HEAD")
    code, log, _ = job(host.push, "main", None)
    assert code == 0, log
    stored = origin.git("ls-tree", "-r", "--name-only", host.store)
    assert stored.startswith("checkout/")
    campaign = origin.git("show", f"{host.store}:{stored.splitlines()[0]}")
    assert merged in campaign
    assert len(host.bodies) == 1


@pytest.mark.slow
def test_no_token_is_left_anywhere(
    host: Any, origin: Repository, job: Callable[..., Any], tmp_path: Path
) -> None:
    origin.git("checkout", "--quiet", "-b", "topic")
    origin.commit("slow", "code")
    job(host.request, "topic", Outcome.REGRESSION)
    for token in (TOKEN, GITHUB_TOKEN):
        found = subprocess.run(
            ["grep", "--recursive", "--files-with-matches", "--text", token, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.stdout == ""
