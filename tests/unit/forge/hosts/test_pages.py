"""What the pages for each host show, run as the host runs it, on a machine that replays results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from socklat_gate.ci_variables import SYSTEMS
from socklat_gate.measured.verdict import Outcome
from tests.unit.forge.hosts.recorded import (
    HOWTO,
    SCENARIO,
    Ended,
    Machine,
    buildkite_job,
    forgejo_job,
    gitlab_job,
    jenkins_job,
    recorded,
)
from tests.unit.forge.hosts.server import TOKEN, ForgejoServer, GitLabServer, HostServer
from tests.unit.repositories import Repository, clone_of, new_repository

AGENT_TOKEN = "bkat-0123456789secret"
SECRETS = (TOKEN, AGENT_TOKEN)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    """ "main" has the scenario; "topic" is one commit ahead of it."""
    made = new_repository(tmp_path / "origin")
    made.commit(SCENARIO, "socklat.toml")
    made.git("checkout", "--quiet", "-b", "topic")
    made.commit("change", "code")
    made.git("checkout", "--quiet", "main")
    return made


@pytest.fixture
def workspace(origin: Repository, tmp_path: Path) -> Repository:
    """A clone as CI leaves it: no branch is checked out."""
    clone = clone_of(origin, tmp_path / "workspace")
    clone.git("checkout", "--quiet", "--detach", "origin/topic")
    return clone


@pytest.fixture
def gitlab() -> Iterator[HostServer]:
    with GitLabServer() as server:
        yield server


@pytest.fixture
def forgejo() -> Iterator[HostServer]:
    with ForgejoServer() as server:
        yield server


def gitlab_variables(server: HostServer, commit: str, job: int = 55) -> dict[str, str]:
    return {
        "GITLAB_CI": "true",
        "CI_COMMIT_SHA": commit,
        "CI_JOB_URL": f"https://gitlab.example/shops/shop/-/jobs/{job}",
        "CI_API_V4_URL": server.url,
        "CI_PROJECT_ID": "12",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_PROJECT_ID": "12",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "12",
        "CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.example/shops/shop",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "GITLAB_TOKEN": TOKEN,
    }


def forgejo_variables(server: HostServer, commit: str, run: int = 55) -> dict[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "FORGEJO_ACTIONS": "true",
        "GITHUB_API_URL": server.url,
        "GITHUB_SERVER_URL": "https://forge.example",
        "GITHUB_REPOSITORY": "shops/shop",
        "GITHUB_RUN_NUMBER": str(run),
        "GITHUB_SHA": commit,
        "GITHUB_REF": "refs/pull/7/head",
        "GITHUB_HEAD_REF": "topic",
        "GITHUB_BASE_REF": "main",
    }


def buildkite_variables(commit: str) -> dict[str, str]:
    return {
        "BUILDKITE": "true",
        "BUILDKITE_COMMIT": commit,
        "BUILDKITE_BRANCH": "topic",
        "BUILDKITE_PULL_REQUEST": "7",
        "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
        "BUILDKITE_BUILD_URL": "https://buildkite.com/shops/shop/builds/55",
        "BUILDKITE_AGENT_ACCESS_TOKEN": AGENT_TOKEN,
    }


def jenkins_variables(server: HostServer, commit: str) -> dict[str, str]:
    return {
        "JENKINS_URL": "https://jenkins.example/",
        "BUILD_URL": "https://jenkins.example/job/shop/job/PR-7/55/",
        "GIT_COMMIT": commit,
        "BRANCH_NAME": "PR-7",
        "CHANGE_ID": "7",
        "CHANGE_BRANCH": "topic",
        "CHANGE_TARGET": "main",
        "GITLAB_API": server.url,
    }


@pytest.fixture(params=["gitlab", "forgejo", "buildkite", "jenkins"])
def run_job(
    request: pytest.FixtureRequest,
    machine: Machine,
    workspace: Repository,
    gitlab: HostServer,
    forgejo: HostServer,
) -> object:
    """Runs the measuring job of a host's page; returns its end and what people see of it."""
    commit = workspace.git("rev-parse", "HEAD")

    def run(outcome: Outcome) -> tuple[Ended, str]:
        machine.replay(recorded(outcome, commit))
        if request.param == "gitlab":
            done = gitlab_job(machine, workspace, 0, gitlab_variables(gitlab, commit))
            seen = gitlab.bodies
        elif request.param == "forgejo":
            variables = forgejo_variables(forgejo, commit)
            done = forgejo_job(machine, workspace, 0, variables, TOKEN)
            seen = forgejo.bodies
        elif request.param == "jenkins":
            variables = jenkins_variables(gitlab, commit)
            done = jenkins_job(machine, workspace, 0, variables, {"GITLAB_TOKEN": TOKEN})
            seen = gitlab.bodies
        else:
            done = buildkite_job(machine, workspace, 0, buildkite_variables(commit))
            seen = list(machine.annotations.values())
        assert len(seen) == 1, done.log
        assert not [secret for secret in SECRETS if secret in done.log + seen[0]]
        return done, seen[0]

    return run


def test_a_pull_request_from_green_to_red(
    run_job: object, machine: Machine, workspace: Repository
) -> None:
    assert callable(run_job)
    green, seen = run_job(Outcome.PASS)
    assert green.code == 0, green.log
    assert "**PASS**" in seen
    told = machine.told
    head = workspace.git("rev-parse", "HEAD")
    assert (told["commit"], told["branch"], told["number"]) == (head, "topic", 7)
    assert told["base"] == workspace.git("rev-parse", "origin/main")
    assert not [name for name in told["variables"] if name.endswith("TOKEN")]
    assert f"of `{head[:12]}`" in seen
    assert "/55)" in seen

    red, seen = run_job(Outcome.REGRESSION)
    assert red.code == 1, red.log
    assert "**REGRESSION**" in seen


@pytest.mark.parametrize(
    ("outcome", "code", "says"),
    [
        (Outcome.INCONCLUSIVE, 0, "INCONCLUSIVE"),
        # A gate that left nothing behind makes no job green.
        (0, 6, "NO VERDICT"),
    ],
)
def test_how_a_job_ends(
    machine: Machine,
    workspace: Repository,
    gitlab: HostServer,
    outcome: Outcome | int,
    code: int,
    says: str,
) -> None:
    if isinstance(outcome, Outcome):
        machine.replay(recorded(outcome))
    else:
        machine.replay_failure(outcome)
    done = gitlab_job(machine, workspace, 0, gitlab_variables(gitlab, "a" * 40))
    assert done.code == code, done.log
    assert says in gitlab.bodies[0]


def test_reports_of_an_earlier_job_are_not_this_ones(
    machine: Machine, workspace: Repository, gitlab: HostServer
) -> None:
    """A workspace that is kept, and a gate that fails before it has removed what was there."""
    variables = gitlab_variables(gitlab, workspace.git("rev-parse", "HEAD"))
    machine.replay(recorded(Outcome.PASS))
    assert gitlab_job(machine, workspace, 0, variables).code == 0
    machine.replay_failure(2)
    done = gitlab_job(machine, workspace, 0, variables)
    assert done.code == 2
    assert "another run" in gitlab.bodies[0]
    assert "**PASS**" not in gitlab.bodies[0]


def test_what_the_host_refuses_changes_no_verdict(
    machine: Machine, workspace: Repository, gitlab: HostServer
) -> None:
    gitlab.read_only = True
    machine.replay(recorded(Outcome.REGRESSION))
    done = gitlab_job(machine, workspace, 0, gitlab_variables(gitlab, "a" * 40))
    assert done.code == 1
    assert "warning: nothing was published: POST" in done.log
    assert "project or group access token" in done.log
    assert TOKEN not in done.log


def test_without_a_token_it_says_so(
    machine: Machine, workspace: Repository, gitlab: HostServer
) -> None:
    variables = gitlab_variables(gitlab, workspace.git("rev-parse", "HEAD"))
    del variables["GITLAB_TOKEN"]
    machine.replay(recorded(Outcome.PASS))
    done = gitlab_job(machine, workspace, 0, variables)
    assert done.code == 0
    assert "no token for gitlab: GITLAB_TOKEN is not set" in done.log


def test_an_agent_that_refuses_is_a_warning_without_its_token(
    machine: Machine, workspace: Repository
) -> None:
    (machine.directory / "refuse").touch()
    machine.replay(recorded(Outcome.REGRESSION))
    variables = buildkite_variables(workspace.git("rev-parse", "HEAD"))
    done = buildkite_job(machine, workspace, 0, variables)
    assert done.code == 1
    assert "buildkite-agent annotate ended with code 1: fatal: ***: 422" in done.log
    assert AGENT_TOKEN not in done.log


def test_the_annotation_has_a_style_and_a_context(machine: Machine, workspace: Repository) -> None:
    variables = buildkite_variables("a" * 40)
    for outcome, style in ((Outcome.PASS, "success"), (Outcome.INCONCLUSIVE, "warning")):
        machine.replay(recorded(outcome))
        buildkite_job(machine, workspace, 0, variables)
        (context,) = machine.annotations
        assert context == "socklat-gate-checkout"
        assert machine.annotations[context].startswith(f"{style}\n")


def test_the_table_of_variables_is_that_of_the_code() -> None:
    text = (HOWTO / "hosts.md").read_text("utf-8")
    rows = {
        cells[0]: [re.findall(r"`([\w.]+)`", cell) for cell in cells[2:6]]
        for line in text.splitlines()
        if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 6
    }
    for system in SYSTEMS:
        wanted = [
            list(dict.fromkeys(name for name, _ in sources))
            for sources in (system.commit, system.branch, system.target, system.number)
        ]
        shown = rows[system.name]
        assert shown == [names or shown[at] for at, names in enumerate(wanted)]
        assert system.signs[0][0] in text


@pytest.mark.parametrize("page", ["gitlab", "forgejo", "buildkite"])
def test_yaml_is_yaml(page: str) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", (HOWTO / f"{page}.md").read_text(), re.DOTALL):
        assert yaml.safe_load(block)
