"""The commenting half of the fork pair, as the command that its workflow calls."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from socklat_gate.commands.root import cli
from socklat_gate.errors import GateError, GitHubFailure, Reason
from socklat_gate.forge.body import MARKER, Source, comment_body, marker_of
from socklat_gate.forge.verdict_history import entry_of, history_in
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.report import report_of
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result
from tests.unit.forge.github.api_server import TOKEN, ApiServer
from tests.unit.forge.github.events import (
    FORK,
    HEAD_SHA,
    OWN,
    environment,
    pull_request,
    workflow_run,
)
from tests.unit.forge.github.runner_files import commands_in

Comment = Callable[..., Result]


def zip_of(directory: Path, outcome: Outcome = Outcome.REGRESSION, **changes: bytes) -> bytes:
    write_reports(make_result("gate", outcome), directory)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in directory.iterdir():
            archive.writestr(path.name, changes.get(path.suffix[1:], path.read_bytes()))
    return data.getvalue()


def listed(number: int, name: str = "socklat-gate", **changes: Any) -> dict[str, Any]:
    return {"id": number, "name": name, "size_in_bytes": 9000, "expired": False, **changes}


@pytest.fixture
def comment(
    server: ApiServer, no_waiting: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Comment:
    """Calls the command in a job that a run of a fork started."""
    out = tmp_path / "out"
    out.mkdir()
    server.pulls = [pull_request(FORK)]
    server.artifacts = [listed(12)]
    server.files = {12: zip_of(out)}

    def call(*arguments: str, run: dict[str, Any] | None = None, **changes: str) -> Result:
        payload = {"workflow_run": run or workflow_run(FORK)}
        given = {"GITHUB_API_URL": server.url, "GITHUB_TOKEN": TOKEN, **changes}
        for name, value in environment(tmp_path, "workflow_run", payload, **given).items():
            monkeypatch.setenv(name, value)
        command = ["github", "comment-from-artifact", *arguments]
        return CliRunner().invoke(cli, command, standalone_mode=False)

    return call


def refused(done: Result, reason: Reason, text: str) -> None:
    assert isinstance(done.exception, GateError)
    assert done.exception.reason is reason
    assert text in done.exception.message


def noticed(done: Result, text: str) -> None:
    """It ended well, and said why it wrote nothing."""
    assert done.exception is None, done.exception
    (command,) = commands_in(done.output)
    assert command.name == "notice"
    assert text in command.message


def test_a_forks_result_becomes_a_comment(server: ApiServer, comment: Comment) -> None:
    done = comment()
    assert done.exception is None, done.exception
    (written,) = server.comments
    body = written["body"]
    assert "✘ **REGRESSION** - `response_p99` is 31.0% slower" in body
    assert "run of the pull request's own code" in body
    assert "/octo/shop/actions/runs/55/artifacts/12)" in body
    assert history_in(body)[0].commit == HEAD_SHA
    assert (history_in(body)[0].run, history_in(body)[0].attempt) == (55, 2)
    assert done.output.strip() == written["html_url"]
    assert "authorization" not in server.stored_seen[0].headers


def test_the_foreign_markdown_is_never_posted(
    server: ApiServer, comment: Comment, tmp_path: Path
) -> None:
    server.files[12] = zip_of(tmp_path / "out", md=b"[x](https://evil.example) @everyone")
    assert comment().exception is None
    assert "evil.example" not in server.comments[0]["body"]


def test_own_branches_carry_no_warning(server: ApiServer, comment: Comment) -> None:
    server.pulls = [pull_request(OWN)]
    assert comment(run=workflow_run(OWN)).exception is None
    assert "own code" not in server.comments[0]["body"]


@pytest.mark.parametrize(
    ("outcome", "conclusion", "told"),
    [
        (Outcome.PASS, "failure", True),
        (Outcome.PASS, "timed_out", True),
        (Outcome.PASS, "success", False),
        (Outcome.REGRESSION, "failure", False),
    ],
)
def test_a_pass_of_a_run_that_failed_says_so(
    server: ApiServer,
    comment: Comment,
    tmp_path: Path,
    outcome: Outcome,
    conclusion: str,
    told: bool,
) -> None:
    server.files[12] = zip_of(tmp_path / "out", outcome)
    assert comment(run=workflow_run(FORK, conclusion=conclusion)).exception is None
    (body,) = [one["body"] for one in server.comments]
    assert (f"The run itself ended with `{conclusion}`" in body) == told


def test_a_file_can_be_given(server: ApiServer, comment: Comment, tmp_path: Path) -> None:
    path = tmp_path / "artifact.zip"
    path.write_bytes(server.files[12])
    assert comment(str(path)).exception is None
    assert "[run 55](" in server.comments[0]["body"]
    assert server.stored_seen == []


def test_the_newest_of_each_name_is_taken(server: ApiServer, comment: Comment) -> None:
    server.artifacts = [listed(11), listed(12), listed(13, expired=True), listed(14, "coverage")]
    assert comment().exception is None
    assert [seen.path for seen in server.stored_seen] == ["/signed/12"]


@pytest.mark.parametrize(
    "pulls",
    [
        [],
        [pull_request(FORK, sha="d" * 40)],
        [pull_request(OWN)],
        [pull_request("mallory/other")],
        [{**pull_request(FORK), "base": {**pull_request()["base"], "repo": {"full_name": FORK}}}],
    ],
    ids=["none", "pushed-to-again", "own-branch", "other-fork", "other-base"],
)
def test_a_run_whose_pull_request_is_no_more_gets_no_comment(
    server: ApiServer, comment: Comment, pulls: list[dict[str, Any]]
) -> None:
    server.pulls = pulls
    noticed(comment(), "no open pull request has aaaaaaaaaa as its head")
    assert server.comments == server.stored_seen == []


def test_a_run_of_two_pull_requests_gets_no_comment(server: ApiServer, comment: Comment) -> None:
    server.pulls.append(pull_request(FORK, number=8))
    refused(comment(), Reason.BAD_EVENT, "2 open pull requests")
    assert server.comments == []


@pytest.mark.parametrize("changes", [{"head_repository": None}, {"head_branch": None}])
def test_a_run_of_a_deleted_fork_gets_no_comment(
    server: ApiServer, comment: Comment, changes: dict[str, Any]
) -> None:
    noticed(comment(run=workflow_run(FORK, **changes)), "no open pull request")
    assert server.seen == []


@pytest.mark.parametrize("artifacts", [[], [listed(12, expired=True)], [listed(12, "coverage")]])
def test_a_run_that_kept_nothing_gets_no_comment(
    server: ApiServer, comment: Comment, artifacts: list[dict[str, Any]]
) -> None:
    server.artifacts = artifacts
    noticed(comment(), "run 55 kept no artifact socklat-gate*")
    assert server.comments == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"event": "push"}, "names no workflow run of a pull request"),
        ({"head_sha": "main"}, "workflow_run.head_sha"),
    ],
)
def test_an_odd_run_gets_no_comment(
    server: ApiServer, comment: Comment, changes: dict[str, Any], text: str
) -> None:
    refused(comment(run=workflow_run(FORK, **changes)), Reason.BAD_EVENT, text)
    assert server.comments == []


def test_the_branch_cannot_reach_another_address(server: ApiServer, comment: Comment) -> None:
    odd = "x&state=all#/../../../user?y=%0a"
    server.pulls[0]["head"]["ref"] = odd
    assert comment(run=workflow_run(FORK, head_branch=odd)).exception is None
    asked = next(seen for seen in server.seen if seen.path.endswith("/pulls"))
    assert asked.query["head"] == [f"mallory:{odd}"]
    assert asked.query["state"] == ["open"]


@pytest.mark.parametrize(
    ("artifacts", "text"),
    [
        ([listed(n, f"socklat-gate-{n}") for n in range(1, 13)], "has 12 artifacts"),
        ([listed(12, size_in_bytes=1 << 30)], "more than 33554432 bytes"),
    ],
)
def test_artifacts_that_are_not_taken(
    server: ApiServer, comment: Comment, artifacts: list[dict[str, Any]], text: str
) -> None:
    server.artifacts = artifacts
    refused(comment(), Reason.ARTIFACT_REFUSED, text)
    assert server.comments == []


def test_a_size_that_was_a_lie_ends_the_download(
    server: ApiServer, comment: Comment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socklat_gate.forge.github.other_run.MAX_ZIP_BYTES", 10_000)
    server.files[12] = bytes(1 << 20)
    done = comment()
    assert isinstance(done.exception, GitHubFailure)
    assert "more than 10000 bytes" in done.exception.message


def test_one_bad_artifact_stops_all_before_anything_is_written(
    server: ApiServer, comment: Comment
) -> None:
    server.artifacts.append(listed(13, "socklat-gate-2"))
    server.files[13] = b"PK no"
    refused(comment(), Reason.ARTIFACT_REFUSED, "no proper ZIP file")
    assert server.comments == []


def test_a_token_is_needed(server: ApiServer, comment: Comment) -> None:
    refused(comment(GITHUB_TOKEN=" "), Reason.BAD_ARGUMENT, "GITHUB_TOKEN is not set")
    assert server.seen == []


def test_a_list_of_artifacts_that_is_none(server: ApiServer, comment: Comment) -> None:
    server.artifacts = [{"id": "x"}]
    done = comment()
    assert isinstance(done.exception, GitHubFailure)
    assert done.exception.reason is Reason.GITHUB_UNEXPECTED


def old_comment(server: ApiServer, name: str = "checkout") -> str:
    """That an earlier push passed."""
    result = make_result("gate", Outcome.PASS)
    earlier = Source(f"{server.url}/octo/shop/actions/runs", "9" * 40, 11, "")
    entry = entry_of(result, earlier.commit, 11, 1)
    body = comment_body(report_of(result), earlier, entry, "", 60_000)
    server.add_comment(f"{marker_of(name)}\n{body}")
    return str(server.comments[-1]["html_url"])


def test_a_run_that_measured_nothing_leaves_no_older_verdict(
    server: ApiServer, comment: Comment
) -> None:
    address = old_comment(server)
    server.artifacts = []
    done = comment()
    assert done.exception is None, done.exception
    body = server.comments[0]["body"]
    assert "**NO VERDICT**" in body
    assert "✔ pass" in body.partition("Earlier verdicts")[2]
    assert address in done.output


def test_so_does_an_artifact_that_is_refused(server: ApiServer, comment: Comment) -> None:
    old_comment(server)
    server.files[12] = b"no"
    refused(comment(), Reason.ARTIFACT_REFUSED, "no proper ZIP")
    assert "**NO VERDICT**" in server.comments[0]["body"]


def test_what_was_measured_is_not_outdated_by_itself(server: ApiServer, comment: Comment) -> None:
    old_comment(server)
    old_comment(server, "search")
    assert comment().exception is None
    bodies = [one["body"] for one in server.comments]
    assert ["**REGRESSION**" in body for body in bodies] == [True, False]
    assert ["**NO VERDICT**" in body for body in bodies] == [False, True]


def test_artifacts_of_two_machines_are_two_comments(
    server: ApiServer, comment: Comment, tmp_path: Path
) -> None:
    server.artifacts = [listed(12, "socklat-gate-x86"), listed(13, "socklat-gate-::error:: <b>")]
    server.files[13] = server.files[12]
    assert comment().exception is None
    lines = [one["body"].partition("\n")[0] for one in server.comments]
    assert lines[0] == marker_of("checkout", "x86")
    assert len(lines) == 2
    assert MARKER.fullmatch(lines[1])
    assert "<b>" not in server.comments[1]["body"]
