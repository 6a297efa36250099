"""What keeps a measurement out of the baseline: a fork's code, or code that is in no commit."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from gate.errors import Reason, UsageError
from gate.git import COMMIT
from gate.result import Result

__all__ = ["check_commit", "check_no_fork"]

MAX_EVENT_BYTES = 32 << 20

# Where an event says whose code the job is about, and whose repository it is for.
_HEAD_AND_BASE = {
    "pull_request": (("pull_request", "head", "repo"), ("pull_request", "base", "repo")),
    "workflow_run": (("workflow_run", "head_repository"), ("repository",)),
}


def check_commit(result: Result) -> None:
    """Raises `UsageError` (commit_unknown) unless the result is of a commit as it is."""
    if not COMMIT.fullmatch(result.commit):
        raise UsageError(
            Reason.COMMIT_UNKNOWN,
            f"the result was measured at commit {result.commit[:80]!r}, which is not what is in "
            "the history: nobody could look for it there",
            remedy="commit the changes and measure again in a clone, or store it anyway with "
            "--allow-dirty",
        )


def check_no_fork() -> None:
    """Raises `UsageError` (from_fork) in a job that GitHub started for the code of a fork.

    Also when the event cannot be read: who cannot be told is not trusted.
    """
    given = os.environ.get("GITHUB_EVENT_PATH", "")
    if not given:
        return
    event = _event(Path(given))
    for kind, (head, base) in _HEAD_AND_BASE.items():
        if kind not in event:
            continue
        theirs, ours = _repository(event, head), _repository(event, base)
        if not theirs or theirs != ours:
            _refuse(f"this job is about code of {theirs or 'a fork that is gone'}, not of {ours}")
    issue = event.get("issue")
    if isinstance(issue, Mapping) and "pull_request" in issue:
        _refuse("this job answers a comment on a pull request, which may come from a fork")


def _event(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_EVENT_BYTES + 1)
        event = json.loads(data) if len(data) <= MAX_EVENT_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        _refuse(f"whose code this job is about cannot be told: {path} cannot be read ({error})")
    if not isinstance(event, Mapping):
        _refuse(f"whose code this job is about cannot be told: {path} holds no event")
    return event


def _repository(event: Mapping[str, object], path: tuple[str, ...]) -> str:
    """Full name of a repository in the event; "" where there is none."""
    found: object = event
    for name in (*path, "full_name"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def _refuse(why: str) -> NoReturn:
    raise UsageError(
        Reason.FROM_FORK,
        f"{why}: what a fork measured never becomes the baseline",
        remedy="promote in a job that runs on a push to the repository's own branch",
    )
