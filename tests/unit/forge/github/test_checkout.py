"""Verdicts stand at the commit that was measured, whatever a workflow checks out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from socklat_gate.commands.root import cli
from socklat_gate.errors import GateError, Reason
from socklat_gate.forge.exit_policy import outcome_exit
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result
from tests.unit.forge.github.api_server import TOKEN, ApiServer
from tests.unit.forge.github.events import OWN, environment, pull_request, workflow_run
from tests.unit.repositories import Repository, new_repository

ADDRESS = f"https://github.com/{OWN}"
SCENARIO = 'name = "checkout"\n[service]\nimage = "x"\nport = 80\n[load]\npayload = "x"\n'


class Workspace:
    """A clone of the repository with main and a topic, in which steps of a job run."""

    def __init__(self, directory: Path, server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory, self.server, self.monkeypatch = directory, server, monkeypatch
        self.repository: Repository = new_repository(directory / "workspace")
        self.main = self.repository.commit(SCENARIO, "socklat.toml")
        self.repository.git("remote", "add", "origin", ADDRESS)
        self.repository.git("checkout", "--quiet", "-b", "topic")
        self.topic = self.repository.commit("change")
        self.repository.git("checkout", "--quiet", "-b", "merged", "main")
        self.repository.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
        self.merge = self.repository.git("rev-parse", "HEAD")
        self.publish_as("main", "topic")
        monkeypatch.chdir(self.repository.path)

    def publish_as(self, *branches: str) -> None:
        for branch in branches:
            self.repository.git("update-ref", f"refs/remotes/origin/{branch}", branch)

    def job(self, name: str = "pull_request", payload: Any = None, **changes: str) -> None:
        if payload is None:
            payload = {"pull_request": pull_request(OWN, self.topic)}
        given = {"GITHUB_SHA": self.merge, "GITHUB_API_URL": self.server.url, **changes}
        variables = environment(self.directory, name, payload, **given, GITHUB_TOKEN=TOKEN)
        for variable, value in variables.items():
            self.monkeypatch.setenv(variable, value)

    def step(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["github", *words], standalone_mode=False)

    def preflight(self) -> Result:
        return self.step("preflight", "--scenario", "socklat.toml")

    def publish(self, commit: str, name: str = "checkout") -> Result:
        """Of a gate that passed at a commit."""
        result = replace(make_result("gate", Outcome.PASS), commit=commit, scenario_name=name)
        write_reports(result, self.repository.path / "out")
        words = ["out", "--exit-code", str(outcome_exit(result)), "--scenario", "socklat.toml"]
        done = self.step("publish", *words)
        assert done.exception is None, done.exception
        return self.step("conclude", *words)

    @property
    def checks(self) -> list[tuple[str, str]]:
        return [(check["head_sha"], check["conclusion"]) for check in self.server.checks]


@pytest.fixture
def workspace(
    tmp_path: Path, server: ApiServer, no_waiting: None, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    return Workspace(tmp_path, server, monkeypatch)


def refused(done: Result) -> str:
    assert isinstance(done.exception, GateError), done.output
    assert done.exception.reason is Reason.BAD_EVENT
    assert done.exception.remedy
    return done.exception.message


@pytest.mark.parametrize("event", ["pull_request", "pull_request_review"])
def test_main_is_not_measured_for_a_pull_request(workspace: Workspace, event: str) -> None:
    """Where the workflow says ``ref: main``, by whatever name."""
    workspace.repository.git("checkout", "--quiet", "--detach", "origin/main")
    workspace.job(event)
    said = refused(workspace.preflight())
    assert f"commit {workspace.main[:12]} is checked out" in said
    assert f"pull request 7 is {workspace.topic[:12]}" in said


@pytest.mark.parametrize("ref", ["topic", "merged"])
def test_its_head_and_its_merge_are(workspace: Workspace, ref: str) -> None:
    workspace.repository.git("checkout", "--quiet", ref)
    workspace.job()
    assert workspace.preflight().exception is None


def test_nor_what_was_pushed_since(workspace: Workspace) -> None:
    workspace.repository.git("checkout", "--quiet", "topic")
    workspace.repository.commit("later")
    workspace.publish_as("topic")
    workspace.job()
    refused(workspace.preflight())


def test_a_merge_with_main_that_was_pushed_since_is_another_commit(workspace: Workspace) -> None:
    workspace.repository.git("checkout", "--quiet", "main")
    workspace.repository.commit("on main", "other")
    workspace.repository.git("checkout", "--quiet", "topic")
    workspace.repository.git("merge", "--quiet", "--no-ff", "-m", "update", "main")
    workspace.publish_as("topic")
    workspace.job()
    refused(workspace.preflight())


def test_what_the_job_made_of_its_commit_is_its_own(workspace: Workspace) -> None:
    """Generated code, or a merge with main as it is now."""
    workspace.repository.git("checkout", "--quiet", "topic")
    made = workspace.repository.commit("generated")
    workspace.job()
    assert workspace.preflight().exception is None
    assert workspace.publish(made).return_value == 0
    assert workspace.checks == [(workspace.topic, "success")]


def test_a_scenario_may_be_in_another_repository(workspace: Workspace) -> None:
    workspace.repository.git("checkout", "--quiet", "main")
    workspace.repository.git("remote", "set-url", "origin", "git@github.com:octo/scenarios.git")
    workspace.job()
    assert workspace.preflight().exception is None
    assert workspace.publish(workspace.main).return_value == 0


def test_a_merge_queues_group_is_what_is_measured(workspace: Workspace) -> None:
    payload = {"merge_group": {"head_sha": workspace.merge, "base_sha": workspace.main}}
    workspace.repository.git("checkout", "--quiet", "main")
    workspace.job("merge_group", payload)
    assert "merge queue's group" in refused(workspace.preflight())
    workspace.repository.git("checkout", "--quiet", "merged")
    assert workspace.preflight().exception is None


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch", "repository_dispatch"])
def test_a_check_stands_at_what_such_a_job_checked_out(workspace: Workspace, event: str) -> None:
    """The run's own commit is the default branch's, and the branch measured may be any."""
    workspace.repository.git("checkout", "--quiet", "topic")
    workspace.job(event, {}, GITHUB_SHA=workspace.main)
    assert workspace.preflight().exception is None
    assert workspace.publish(workspace.topic).return_value == 0
    assert workspace.checks == [(workspace.topic, "success")]


@pytest.mark.parametrize("event", ["workflow_dispatch", "schedule", "repository_dispatch"])
def test_a_pull_request_that_nobody_named_is_not_measured_as_the_repositorys_own(
    workspace: Workspace, event: str
) -> None:
    """`ref: refs/pull/7/head` alone: a fork's code with all that the repository's own may do."""
    workspace.repository.git("update-ref", "refs/remotes/pull/7/head", workspace.topic)
    workspace.repository.git("update-ref", "-d", "refs/remotes/origin/topic")
    workspace.repository.git("checkout", "--quiet", "--detach", "topic")
    workspace.job(event, {}, GITHUB_SHA=workspace.main)
    assert "as pull request 7" in refused(workspace.preflight())
    # What an earlier job has left says nothing of a branch that was merged since.
    workspace.job("push", {}, GITHUB_SHA=workspace.topic)
    assert workspace.preflight().exception is None
    workspace.job(event, {}, GITHUB_SHA=workspace.main)
    workspace.repository.git("checkout", "--quiet", "main")
    assert workspace.preflight().exception is None


def test_after_another_workflow_too(workspace: Workspace) -> None:
    workspace.repository.git("checkout", "--quiet", "topic")
    payload = {"workflow_run": workflow_run(OWN, head_sha=workspace.topic)}
    workspace.job("workflow_run", payload, GITHUB_SHA=workspace.main)
    workspace.publish(workspace.topic)
    assert workspace.checks == [(workspace.topic, "success")]


def test_a_push_that_measures_a_later_one(workspace: Workspace) -> None:
    """``ref: main`` in a job that waited."""
    workspace.repository.git("checkout", "--quiet", "main")
    later = workspace.repository.commit("later")
    workspace.publish_as("main")
    workspace.job("push", {}, GITHUB_SHA=workspace.main)
    workspace.publish(later)
    assert workspace.checks == [(later, "success")]


@pytest.mark.parametrize("event", ["pull_request", "push"])
def test_a_result_of_another_commit_is_red(workspace: Workspace, event: str) -> None:
    """As an artifact of an earlier run that a cache or a download brought back."""
    workspace.repository.git("checkout", "--quiet", "merged")
    workspace.job(event)
    done = workspace.publish("d" * 40)
    assert done.return_value == 6
    assert "the reports there are of another commit, dddddddddddd" in done.output
    ((_, conclusion),) = workspace.checks
    assert conclusion == "failure"
    assert all("**PASS**" not in one["body"] for one in workspace.server.comments)


def test_a_result_of_another_scenario_is_red(workspace: Workspace) -> None:
    workspace.repository.git("checkout", "--quiet", "merged")
    workspace.job()
    done = workspace.publish(workspace.merge, "search")
    assert done.return_value == 6
    assert "another scenario, search" in done.output
    assert workspace.server.checks[0]["name"] == "socklat-gate: checkout"
    assert workspace.server.checks[0]["conclusion"] == "failure"


def test_a_log_that_a_workflow_kept_by_itself_is_shown_without_the_token(
    workspace: Workspace,
) -> None:
    workspace.repository.git("checkout", "--quiet", "merged")
    workspace.job()
    log = workspace.directory / "gate.log"
    log.write_text(f"error: refused for {TOKEN} [no_docker]\n")
    done = workspace.step(
        "publish", "out", "--exit-code", "3", "--scenario", "socklat.toml", "--log", str(log)
    )
    assert done.exception is None, done.exception
    shown = [str(workspace.server.checks), str(workspace.server.comments), done.output]
    assert all("refused for" in text and TOKEN not in text for text in shown)
    assert TOKEN not in (workspace.directory / "summary").read_text()


def test_what_changed_files_were_measured_at_is_of_that_commit(workspace: Workspace) -> None:
    workspace.repository.git("checkout", "--quiet", "merged")
    workspace.job()
    assert workspace.publish(f"{workspace.merge}-dirty").return_value == 0
    assert json.loads((workspace.repository.path / "out" / "verdict.json").read_text())
