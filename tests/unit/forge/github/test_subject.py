"""Pull requests that a job is told of by a number or a comment, against an API that responds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from socklat_gate.commands.root import cli
from socklat_gate.errors import GateError, Reason
from socklat_gate.forge.github.workflow_job import job_of, with_subject
from tests.unit.forge.github.api_server import TOKEN, ApiServer
from tests.unit.forge.github.events import FORK, OWN, environment, pull_request
from tests.unit.forge.github.runner_files import commands_in, outputs_of
from tests.unit.forge.github.test_forks import comment_on
from tests.unit.repositories import Repository, new_repository

LABEL = "safe-to-measure"


class Checkout:
    """A job's workspace: main is checked out, and there is the head of a pull request."""

    def __init__(self, directory: Path, server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory, self.server, self.monkeypatch = directory, server, monkeypatch
        self.repository: Repository = new_repository(directory / "workspace")
        self.repository.git("checkout", "--quiet", "-b", "topic")
        self.head = self.repository.commit("change")
        self.repository.git("checkout", "--quiet", "main")
        server.pull = pull_request(OWN, self.head)
        monkeypatch.chdir(self.repository.path)

    def preflight(
        self, name: str, payload: dict[str, Any], *arguments: str, **changes: str
    ) -> Result:
        given = {"GITHUB_API_URL": self.server.url, "GITHUB_TOKEN": TOKEN, **changes}
        self.variables = environment(self.directory, name, payload, **given)
        for variable, value in self.variables.items():
            self.monkeypatch.setenv(variable, value)
        command = ["github", "preflight", *arguments]
        return CliRunner().invoke(cli, command, standalone_mode=False)

    @property
    def outputs(self) -> dict[str, str]:
        return outputs_of(self.directory / "output")


@pytest.fixture
def checkout(
    tmp_path: Path, server: ApiServer, no_waiting: None, monkeypatch: pytest.MonkeyPatch
) -> Checkout:
    return Checkout(tmp_path, server, monkeypatch)


def refused(done: Result, text: str, reason: Reason = Reason.BAD_EVENT) -> GateError:
    assert isinstance(done.exception, GateError), done.output
    assert text in done.exception.message
    assert done.exception.reason is reason
    (command,) = commands_in(done.output)
    assert command.name == "error"
    assert done.exception.remedy
    return done.exception


def test_a_comment_is_about_its_pull_request(checkout: Checkout) -> None:
    checkout.repository.git("checkout", "--quiet", "topic")
    done = checkout.preflight("issue_comment", comment_on(OWN))
    assert done.exception is None, done.exception
    job = with_subject(job_of(checkout.variables), checkout.outputs["subject"])
    assert job.pull_request is not None
    assert (job.pull_request.number, job.head_sha) == (7, checkout.head)
    assert checkout.outputs["allowed"] == "yes"


def test_main_is_not_measured_in_its_place(checkout: Checkout) -> None:
    """What `actions/checkout` gets in such a job unless it is told otherwise."""
    error = refused(checkout.preflight("issue_comment", comment_on(OWN)), "pull request 7 is")
    assert "refs/pull/7/head" in str(error.remedy)
    assert "allowed" not in checkout.outputs


def test_nor_is_what_was_pushed_since(checkout: Checkout) -> None:
    checkout.repository.git("checkout", "--quiet", "topic")
    checkout.repository.commit("later")
    refused(checkout.preflight("issue_comment", comment_on(OWN)), "pull request 7 is")


def test_what_merging_would_make_is_the_pull_request_too(checkout: Checkout) -> None:
    checkout.repository.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    merged = checkout.repository.git("rev-parse", "HEAD")
    checkout.server.pull = {**pull_request(OWN, checkout.head), "merge_commit_sha": merged}
    assert checkout.preflight("issue_comment", comment_on(OWN)).exception is None


def test_a_manual_start_names_the_number(checkout: Checkout) -> None:
    checkout.repository.git("checkout", "--quiet", "topic")
    done = checkout.preflight("workflow_dispatch", {}, "--pull-request", "7")
    assert done.exception is None, done.exception
    assert with_subject(job_of(checkout.variables), checkout.outputs["subject"]).subject


def test_a_manual_start_without_one_is_about_the_branch(checkout: Checkout) -> None:
    assert checkout.preflight("workflow_dispatch", {}).exception is None
    assert checkout.outputs["subject"] == ""
    assert checkout.server.seen == []


@pytest.mark.parametrize("given", ["0", "x", "7\n8", "refs/pull/7/head", "-7"])
def test_a_number_is_a_number(checkout: Checkout, given: str) -> None:
    done = checkout.preflight("workflow_dispatch", {}, f"--pull-request={given}")
    refused(done, "is not the number", Reason.BAD_ARGUMENT)


def test_a_number_that_the_event_contradicts(checkout: Checkout) -> None:
    payload = {"pull_request": pull_request(OWN)}
    done = checkout.preflight("pull_request", payload, "--pull-request", "8")
    refused(done, "runs for 7", Reason.BAD_ARGUMENT)


def test_a_pull_request_that_is_not_there(checkout: Checkout) -> None:
    done = checkout.preflight("workflow_dispatch", {}, "--pull-request", "9")
    refused(done, "404", Reason.GITHUB_REFUSED)


def test_without_a_token_nothing_can_be_looked_up(checkout: Checkout) -> None:
    done = checkout.preflight("issue_comment", comment_on(OWN), GITHUB_TOKEN="")
    refused(done, "GITHUB_TOKEN is not set", Reason.BAD_ARGUMENT)


def test_a_forks_is_refused_with_what_to_do(checkout: Checkout) -> None:
    checkout.server.pull = pull_request(FORK, checkout.head)
    checkout.repository.git("checkout", "--quiet", "topic")
    done = checkout.preflight("issue_comment", comment_on(FORK))
    error = refused(done, "not for a fork's code", Reason.FORK_REFUSED)
    assert "`pull_request`" in str(error.remedy)


def test_pull_request_target_gets_the_targets_code(checkout: Checkout) -> None:
    payload = {"pull_request": pull_request(OWN, checkout.head)}
    refused(checkout.preflight("pull_request_target", payload), "pull request 7 is")
    checkout.repository.git("checkout", "--quiet", "topic")
    assert checkout.preflight("pull_request_target", payload).exception is None


def labelled(sha: str) -> dict[str, Any]:
    label = {"name": LABEL}
    return {"action": "labeled", "label": label, "pull_request": pull_request(FORK, sha)}


def test_a_label_approves_the_commit_it_was_put_on(checkout: Checkout) -> None:
    """A checkout of the branch gets what was pushed between the label and this job."""
    checkout.repository.git("checkout", "--quiet", "topic")
    options = ("--fork-label", LABEL)
    kind = {"RUNNER_ENVIRONMENT": "self-hosted"}
    done = checkout.preflight("pull_request", labelled(checkout.head), *options, **kind)
    assert done.exception is None, done.exception
    pushed = checkout.repository.commit("pushed since")
    done = checkout.preflight("pull_request", labelled(checkout.head), *options, **kind)
    refused(done, "the label was put on")
    # What the event names as its own commit is what GitHub made of the labelled one.
    merge = {**kind, "GITHUB_SHA": pushed}
    done = checkout.preflight("pull_request", labelled(checkout.head), *options, **merge)
    assert done.exception is None, done.exception


def test_a_job_without_a_checkout_says_so(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    refused(checkout.preflight("issue_comment", comment_on(OWN)), "nothing is checked out")


@pytest.mark.parametrize("subject", ["{}", "x", '{"number": 7}'])
def test_a_subject_is_what_was_found(checkout: Checkout, subject: str) -> None:
    checkout.preflight("workflow_dispatch", {})
    with pytest.raises(GateError, match="--subject"):
        with_subject(job_of(checkout.variables), subject)


def test_a_matrix_gives_artifact_and_key_their_names(checkout: Checkout) -> None:
    matrix = ("--matrix", '{"runner": "ubuntu-24.04"}')
    assert checkout.preflight("push", {}, "--artifact", "perf", *matrix).exception is None
    assert checkout.outputs["key"] == "ubuntu-24.04"
    assert checkout.outputs["artifact"] == "perf-ubuntu-24.04"


@pytest.mark.parametrize(
    ("permission", "allowed"), [("write", True), ("owner", True), ("read", False), ("none", False)]
)
def test_where_the_event_does_not_say_who_commented_the_api_does(
    checkout: Checkout, permission: str, allowed: bool
) -> None:
    """As on Gitea and Forgejo."""
    checkout.repository.git("checkout", "--quiet", "topic")
    checkout.server.permissions = {"alice": permission}
    payload = {**comment_on(OWN), "comment": {"user": {"login": "alice"}}}
    gitea = {"GITEA_ACTIONS": "true", "GITHUB_RUN_NUMBER": "3"}
    done = checkout.preflight("issue_comment", payload, **gitea)
    if allowed:
        assert done.exception is None, done.exception
    else:
        refused(done, "no member", Reason.FORK_REFUSED)


def test_what_github_says_of_who_commented_is_not_asked_again(checkout: Checkout) -> None:
    payload = comment_on(OWN, "NONE")
    payload["comment"]["user"] = {"login": "alice"}
    checkout.server.permissions = {"alice": "admin"}
    refused(checkout.preflight("issue_comment", payload), "no member", Reason.FORK_REFUSED)
