from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.baseline import promotion
from gate.baseline.promotion import check_commit, check_no_fork
from gate.errors import Reason, UsageError
from gate.verdict.model import Outcome
from tests.unit.factories import make_result

COMMIT = "1f2e3d4c5b6a79880123456789abcdef01234567"
OURS, THEIRS = {"full_name": "acme/shop"}, {"full_name": "mallory/shop"}


@pytest.fixture
def event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "event.json"
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))
    return path


def pull_request(head: Any) -> dict[str, Any]:
    return {"pull_request": {"head": {"repo": head}, "base": {"repo": OURS}}, "repository": OURS}


def test_a_commit_as_it_is_may_be_promoted() -> None:
    check_commit(replace(make_result(outcome=Outcome.PASS), commit=COMMIT))
    check_commit(replace(make_result(outcome=Outcome.PASS), commit="ab" * 32))


@pytest.mark.parametrize("commit", [f"{COMMIT}-dirty", "unknown", "", "1f2e3d4", f"{COMMIT}\n"])
def test_what_is_in_no_commit_may_not(commit: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_commit(replace(make_result(outcome=Outcome.PASS), commit=commit))
    assert caught.value.reason is Reason.COMMIT_UNKNOWN
    assert "--allow-dirty" in str(caught.value.remedy)


@pytest.mark.parametrize(
    "content",
    [
        {"ref": "refs/heads/main", "repository": OURS},
        pull_request(OURS),
        {"workflow_run": {"head_repository": OURS}, "repository": OURS},
        {"issue": {"number": 7}, "repository": OURS},
        {},
    ],
)
def test_the_repositorys_own_code_is_welcome(event: Path, content: dict[str, Any]) -> None:
    event.write_text(json.dumps(content))
    check_no_fork()


def test_outside_of_github_there_is_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    check_no_fork()


@pytest.mark.parametrize(
    "content",
    [
        pull_request(THEIRS),
        pull_request(None),
        pull_request({}),
        pull_request({"full_name": 7}),
        {"pull_request": {"head": {"repo": OURS}}},
        {"pull_request": "x"},
        {"workflow_run": {"head_repository": THEIRS}, "repository": OURS},
        {"workflow_run": {}, "repository": OURS},
        {"issue": {"number": 7, "pull_request": {}}, "repository": OURS},
        [],
        "x",
    ],
)
def test_a_forks_code_is_not_nor_what_cannot_be_told(event: Path, content: object) -> None:
    event.write_text(json.dumps(content))
    with pytest.raises(UsageError) as caught:
        check_no_fork()
    assert caught.value.reason is Reason.FROM_FORK


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 200_000, b"9" * 10_000])
def test_an_event_that_cannot_be_read_is_refused(event: Path, data: bytes) -> None:
    event.write_bytes(data)
    with pytest.raises(UsageError, match="cannot be"):
        check_no_fork()
    event.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        check_no_fork()


def test_a_huge_event_is_not_read(event: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "MAX_EVENT_BYTES", 10)
    event.write_text(json.dumps({"repository": OURS}))
    with pytest.raises(UsageError, match="holds no event"):
        check_no_fork()
