from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.github import event as events
from socklat_gate.forge.github.own_code import check_own_code

OURS, THEIRS = {"full_name": "acme/shop"}, {"full_name": "mallory/shop"}
SHA = "a" * 40


@pytest.fixture
def event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "event.json"
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))
    return path


def pull_request(head: Any) -> dict[str, Any]:
    sides = {
        name: {"sha": SHA, "ref": "x", "repo": repo}
        for name, repo in (("head", head), ("base", OURS))
    }
    return {"pull_request": {"number": 7, **sides}, "repository": OURS}


def workflow_run(source: Any) -> dict[str, Any]:
    run = {"id": 5, "event": "push", "head_sha": SHA, "head_repository": source}
    return {"workflow_run": run, "repository": OURS}


@pytest.mark.parametrize(
    "content",
    [
        {"ref": "refs/heads/main", "repository": OURS},
        pull_request(OURS),
        workflow_run(OURS),
        {"issue": {"number": 7}, "repository": OURS},
        {},
    ],
)
def test_the_repositorys_own_code_is_welcome(event: Path, content: dict[str, Any]) -> None:
    event.write_text(json.dumps(content))
    check_own_code()


def test_outside_of_github_there_is_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    check_own_code()


@pytest.mark.parametrize(
    "content",
    [
        pull_request(THEIRS),
        pull_request(None),
        pull_request({}),
        pull_request({"full_name": 7}),
        {"pull_request": {"head": {"repo": OURS}}},
        {"pull_request": "x"},
        {"pull_request": None, "repository": OURS},
        {"workflow_run": None, "repository": OURS},
        {"issue": {"number": 7, "pull_request": None}, "repository": OURS},
        workflow_run(THEIRS),
        workflow_run(None),
        {"workflow_run": {}, "repository": OURS},
        {"issue": {"number": 7, "pull_request": {}}, "repository": OURS},
        [],
        "x",
    ],
)
def test_a_forks_code_is_not_nor_what_cannot_be_told(event: Path, content: object) -> None:
    event.write_text(json.dumps(content))
    with pytest.raises(UsageError) as caught:
        check_own_code()
    assert caught.value.reason is Reason.FROM_FORK


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 200_000, b"9" * 10_000])
def test_an_event_that_cannot_be_read_is_refused(event: Path, data: bytes) -> None:
    event.write_bytes(data)
    with pytest.raises(UsageError, match="is unknown"):
        check_own_code()
    event.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        check_own_code()


def test_a_huge_event_is_not_read(event: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_BYTES", 10)
    event.write_text(json.dumps({"repository": OURS}))
    with pytest.raises(UsageError, match="is larger"):
        check_own_code()


@pytest.mark.parametrize(
    "variables",
    [
        {
            "GITLAB_CI": "true",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99",
            "CI_MERGE_REQUEST_PROJECT_ID": "12",
        },
        {"JENKINS_URL": "https://j", "CHANGE_FORK": "mallory"},
        {"TF_BUILD": "True", "SYSTEM_PULLREQUEST_ISFORK": "True"},
        {"DRONE": "true", "DRONE_PULL_REQUEST": "7"},
        {"CI": "woodpecker", "CI_COMMIT_PULL_REQUEST": "7"},
    ],
)
def test_elsewhere_the_variables_tell(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        check_own_code()
    assert caught.value.reason is Reason.FROM_FORK
