from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.forge.github.event import PullRequest
from socklat_gate.forge.github.forks import refusal
from socklat_gate.forge.github.workflow_job import job_of
from tests.unit.forge.github.events import FORK, OWN, environment, pull_request, workflow_run

LABEL = "safe-to-measure"


def refused(
    tmp_path: Path, name: str, payload: dict[str, Any], *, hosted: bool, label: str = LABEL
) -> bool:
    kind = "github-hosted" if hosted else "self-hosted"
    job = job_of(environment(tmp_path, name, payload, RUNNER_ENVIRONMENT=kind))
    return bool(refusal(job, label))


@pytest.mark.parametrize("hosted", [True, False])
@pytest.mark.parametrize("name", ["push", "schedule", "workflow_dispatch", "merge_group"])
def test_own_code_is_measured_anywhere(tmp_path: Path, name: str, hosted: bool) -> None:
    assert not refused(tmp_path, name, {}, hosted=hosted)


@pytest.mark.parametrize("hosted", [True, False])
def test_own_pull_requests_are_measured_anywhere(tmp_path: Path, hosted: bool) -> None:
    payload = {"action": "synchronize", "pull_request": pull_request(OWN)}
    assert not refused(tmp_path, "pull_request", payload, hosted=hosted)


@pytest.mark.parametrize("source", [FORK, None])
def test_a_fork_is_measured_on_hosted_runners_only(tmp_path: Path, source: str | None) -> None:
    payload = {"action": "opened", "pull_request": pull_request(source)}
    assert not refused(tmp_path, "pull_request", payload, hosted=True)
    assert refused(tmp_path, "pull_request", payload, hosted=False)


@pytest.mark.parametrize(
    ("action", "given", "label", "refused_"),
    [
        ("labeled", LABEL, LABEL, False),
        ("labeled", "other", LABEL, True),
        # The label is still there, but nobody has looked at what was pushed since.
        ("synchronize", None, LABEL, True),
        ("labeled", "", "", True),
    ],
)
def test_a_label_allows_the_run_that_it_started(
    tmp_path: Path, action: str, given: str | None, label: str, refused_: bool
) -> None:
    request = {**pull_request(FORK), "labels": [{"name": LABEL}]}
    payload: dict[str, Any] = {"action": action, "pull_request": request}
    if given is not None:
        payload["label"] = {"name": given}
    assert refused(tmp_path, "pull_request", payload, hosted=False, label=label) is refused_


@pytest.mark.parametrize("hosted", [True, False])
def test_a_fork_never_runs_beside_the_repositorys_token(tmp_path: Path, hosted: bool) -> None:
    payload = {
        "action": "labeled",
        "label": {"name": LABEL},
        "pull_request": pull_request(FORK),
    }
    assert refused(tmp_path, "pull_request_target", payload, hosted=hosted)
    other = {"workflow_run": workflow_run(FORK)}
    assert refused(tmp_path, "workflow_run", other, hosted=hosted)
    unknown = {"workflow_run": workflow_run(None)}
    assert refused(tmp_path, "workflow_run", unknown, hosted=hosted)
    assert not refused(tmp_path, "workflow_run", {"workflow_run": workflow_run(OWN)}, hosted=hosted)


def test_an_event_that_does_not_tell_whose_code_it_runs(tmp_path: Path) -> None:
    assert refused(tmp_path, "issue_comment", {"action": "created"}, hosted=False)
    assert not refused(tmp_path, "issue_comment", {"action": "created"}, hosted=True)


def comment_on(source: str | None, relation: str = "MEMBER") -> dict[str, Any]:
    """A comment, on a pull request of this source or (None) on an issue."""
    issue: dict[str, Any] = {"number": 7}
    if source:
        issue["pull_request"] = {"url": "https://api.github.com/repos/octo/shop/pulls/7"}
    return {"action": "created", "issue": issue, "comment": {"author_association": relation}}


def why(tmp_path: Path, name: str, payload: dict[str, Any], source: str | None) -> str:
    """Why a job on a hosted runner must not measure the pull request that was looked up."""
    job = job_of(environment(tmp_path, name, payload))
    subject = PullRequest.model_validate(pull_request(source)) if source else None
    refused = refusal(replace(job, subject=subject), "")
    return refused.why if refused else ""


@pytest.mark.parametrize("relation", ["OWNER", "MEMBER", "COLLABORATOR"])
def test_a_members_comment_measures_an_own_branch(tmp_path: Path, relation: str) -> None:
    assert why(tmp_path, "issue_comment", comment_on(OWN, relation), OWN) == ""


@pytest.mark.parametrize("relation", ["CONTRIBUTOR", "FIRST_TIMER", "NONE", ""])
def test_anybody_can_comment(tmp_path: Path, relation: str) -> None:
    said = why(tmp_path, "issue_comment", comment_on(OWN, relation), OWN)
    assert "no member" in said


def test_an_issue_has_no_code(tmp_path: Path) -> None:
    assert "on an issue" in why(tmp_path, "issue_comment", comment_on(None), None)


@pytest.mark.parametrize("name", ["issue_comment", "workflow_dispatch", "repository_dispatch"])
def test_a_forks_pull_request_is_not_measured_by_its_number(tmp_path: Path, name: str) -> None:
    payload = comment_on(FORK) if name == "issue_comment" else {}
    assert "token" in why(tmp_path, name, payload, FORK)
    assert why(tmp_path, name, comment_on(OWN) if payload else {}, OWN) == ""


def test_reviews_of_a_forks_pull_request_have_no_token_that_writes(tmp_path: Path) -> None:
    payload = {"pull_request": pull_request(FORK)}
    assert not refused(tmp_path, "pull_request_review", payload, hosted=True)
    assert refused(tmp_path, "pull_request_review", payload, hosted=False)
