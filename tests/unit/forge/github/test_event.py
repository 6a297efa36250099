from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.github.event import MAX_BYTES, read_event
from socklat_gate.forge.github.workflow_job import job_of
from tests.unit.forge.github.events import (
    FORK,
    HEAD_SHA,
    MERGE_SHA,
    OWN,
    environment,
    pull_request,
    workflow_run,
)


def written(tmp_path: Path, payload: object) -> Path:
    path = tmp_path / "event.json"
    path.write_text(payload if isinstance(payload, str) else json.dumps(payload))
    return path


def test_a_pull_requests_payload(tmp_path: Path) -> None:
    payload = {"action": "labeled", "label": {"name": "x"}, "pull_request": pull_request(FORK)}
    event = read_event(written(tmp_path, payload))
    assert event.pull_request is not None
    assert event.label is not None
    assert (event.pull_request.number, event.label.name) == (7, "x")
    assert event.pull_request.from_fork


@pytest.mark.parametrize(
    ("source", "fork"), [(OWN, False), ("Octo/Shop", False), (FORK, True), (None, True)]
)
def test_a_fork_is_told_by_its_repository(tmp_path: Path, source: str | None, fork: bool) -> None:
    event = read_event(written(tmp_path, {"pull_request": pull_request(source)}))
    assert event.pull_request is not None
    assert event.pull_request.from_fork is fork


BAD_PULL_REQUESTS = [
    {"number": 0},
    {"number": "7"},
    {"number": True},
    {"number": 1 << 60},
    {"head": {"sha": "../../x", "ref": "t", "repo": {"full_name": OWN}}},
    {"head": {"sha": HEAD_SHA, "ref": "t" * 2000, "repo": {"full_name": OWN}}},
    {"head": {"sha": HEAD_SHA, "ref": "t", "repo": {"full_name": "a/../b"}}},
    {"head": {"sha": HEAD_SHA, "ref": "t", "repo": {"full_name": "a/.."}}},
    {"head": {"sha": HEAD_SHA, "ref": "t", "repo": {"full_name": "a/b?x=1"}}},
    {"base": None},
]


@pytest.mark.parametrize("change", BAD_PULL_REQUESTS)
def test_odd_parts_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    payload = {"pull_request": {**pull_request(), **change}}
    with pytest.raises(UsageError) as caught:
        read_event(written(tmp_path, payload))
    assert caught.value.reason is Reason.BAD_EVENT
    assert "pull_request" in caught.value.message


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"action": 5}'])
def test_what_is_no_payload_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="is not the payload"):
        read_event(written(tmp_path, text))


def test_a_payload_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(UsageError, match="larger than"):
        read_event(path)


def test_a_missing_payload_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_event(tmp_path / "none.json")


def test_the_job_of_a_pull_request(tmp_path: Path) -> None:
    payload = {"pull_request": pull_request()}
    job = job_of(environment(tmp_path, "pull_request", payload))
    assert job.sha == MERGE_SHA
    assert job.head_sha == HEAD_SHA
    assert not job.self_hosted
    assert job.runs_url == "https://github.com/octo/shop/actions/runs"


def test_the_job_of_another_run(tmp_path: Path) -> None:
    job = job_of(environment(tmp_path, "workflow_run", {"workflow_run": workflow_run()}))
    assert job.event.workflow_run is not None
    assert job.event.workflow_run.id == 55
    assert job.head_sha == MERGE_SHA


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_REPOSITORY", "octo"),
        ("GITHUB_REPOSITORY", "octo/../x"),
        ("GITHUB_SERVER_URL", "javascript:x"),
        ("GITHUB_SERVER_URL", "https://github.com/)x"),
        ("GITHUB_API_URL", ""),
        ("GITHUB_RUN_ID", "0"),
        ("GITHUB_RUN_ID", "1/../2"),
        ("GITHUB_RUN_ATTEMPT", "x"),
        ("GITHUB_SHA", "main"),
        ("GITHUB_EVENT_NAME", "Push Now"),
        ("GITHUB_EVENT_PATH", ""),
    ],
)
def test_an_odd_variable_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        job_of(environment(tmp_path, **{name: value}))


def test_a_runner_that_says_nothing_is_self_hosted(tmp_path: Path) -> None:
    variables = environment(tmp_path)
    del variables["RUNNER_ENVIRONMENT"]
    assert job_of(variables).self_hosted
