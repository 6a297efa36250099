"""Event payloads as GitHub delivers them, cut to what matters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OWN = "octo/shop"
FORK = "mallory/shop"
HEAD_SHA = "a" * 40
MERGE_SHA = "c" * 40


def pull_request(source: str | None = OWN, sha: str = HEAD_SHA, number: int = 7) -> dict[str, Any]:
    return {
        "number": number,
        "title": "ignored",
        "head": {"sha": sha, "ref": "topic", "repo": {"full_name": source} if source else None},
        "base": {"sha": "b" * 40, "ref": "main", "repo": {"full_name": OWN}},
    }


def workflow_run(source: str | None = FORK, **changes: Any) -> dict[str, Any]:
    run = {
        "id": 55,
        "event": "pull_request",
        "head_sha": HEAD_SHA,
        "head_branch": "topic",
        "head_repository": {"full_name": source} if source else None,
        "run_attempt": 2,
        "pull_requests": [],
    }
    return {**run, **changes}


def environment(
    directory: Path, name: str = "push", payload: dict[str, Any] | None = None, **changes: str
) -> dict[str, str]:
    """The variables that a runner sets, with the event in a file of ``directory``."""
    path = directory / "event.json"
    path.write_text(json.dumps(payload or {}), encoding="utf-8")
    (directory / "output").touch()
    (directory / "summary").touch()
    return {
        "GITHUB_REPOSITORY": OWN,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_RUN_ID": "1234",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_SHA": MERGE_SHA,
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_OUTPUT": str(directory / "output"),
        "GITHUB_STEP_SUMMARY": str(directory / "summary"),
        "RUNNER_ENVIRONMENT": "github-hosted",
        **changes,
    }
