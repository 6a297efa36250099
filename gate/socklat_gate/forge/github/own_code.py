"""Whether a job is about the repository's own code: only that becomes a baseline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from socklat_gate.ci_variables import ci_run
from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.github.event import Event, read_event

__all__ = ["check_own_code"]


def check_own_code() -> None:
    """Raises `UsageError` (from_fork) in a job that a code host started for the code of a fork.

    Also when that cannot be known: an unknown author is not trusted.
    """
    run = ci_run(os.environ)
    if run.fork == "yes":
        _refuse(f"this job of {run.system} is about another repository's code")
    if run.fork == "unknown":
        _refuse(f"{run.system} does not say whether this pull request comes from a fork")
    given = os.environ.get("GITHUB_EVENT_PATH", "")
    if not given:
        return
    try:
        event = read_event(Path(given))
    except UsageError as error:
        _refuse(f"the author of this job's code is unknown: {error.message}")
    members = event.model_fields_set
    if "pull_request" in members and (event.pull_request is None or event.pull_request.from_fork):
        _refuse("this job is about a pull request of another repository's code")
    if "workflow_run" in members and not _of_this_repository(event):
        _refuse("this job follows a run of another repository's code")
    if event.issue is not None and "pull_request" in event.issue.model_fields_set:
        _refuse("this job runs for a comment on a pull request, which may come from a fork")


def _of_this_repository(event: Event) -> bool:
    if event.workflow_run is None:
        return False
    theirs, ours = event.workflow_run.head_repository, event.repository
    return theirs is not None and ours is not None and theirs.full_name == ours.full_name


def _refuse(why: str) -> NoReturn:
    raise UsageError(
        Reason.FROM_FORK,
        f"{why}: what a fork measured never becomes the baseline",
        remedy="promote in a job that runs on a push to the repository's own branch",
    )
