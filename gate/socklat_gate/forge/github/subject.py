"""A pull request that a job is about although its event does not hold one.

A comment on it and a manual start name its number.
"""

from __future__ import annotations

from pydantic import ValidationError

from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.github.event import PullRequest
from socklat_gate.forge.github.responses import unexpected_response
from socklat_gate.forge.github.workflow_job import NUMBER, Job

__all__ = ["author_may_write", "look_up", "number_of"]

MAY_WRITE = {"admin", "maintain", "owner", "write"}


def number_of(job: Job, given: str) -> int | None:
    """The number of the pull request to look up; None where there is none or the event holds it.

    ``given`` is what the workflow names, or empty.  Raises `UsageError` (BAD_ARGUMENT).
    """
    if given and not NUMBER.fullmatch(given):
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"--pull-request {given[:80]!r} is not the number of a pull request",
            remedy="give the number alone, such as 7",
        )
    number = int(given) if given else None
    held = job.event.pull_request
    if held is not None:
        if number is not None and number != held.number:
            raise UsageError(
                Reason.BAD_ARGUMENT,
                f"--pull-request names {number}, but this job runs for {held.number}",
                remedy="leave the input pull-request out: the event names it",
            )
        return None
    issue = job.event.issue
    if number is None and issue is not None and issue.pull_request is not None:
        return issue.number
    return number


def look_up(api: GitHub, job: Job, number: int) -> PullRequest:
    """The pull request as it is now.  Raises `GitHubFailure`."""
    answer = api.get(f"/repos/{job.repository}/pulls/{number}")
    try:
        found = PullRequest.model_validate(answer)
    except ValidationError as error:
        raise unexpected_response(f"pull request {number} is not as documented") from error
    if found.number != number:
        raise unexpected_response(f"asked for pull request {number}, got {found.number}")
    return found


def author_may_write(api: GitHub, job: Job) -> bool:
    """Whether who commented may push, asked only where the event does not say what they are.

    Raises `GitHubFailure`.
    """
    comment = job.event.comment
    if comment is None or comment.author_association or comment.user is None:
        return False
    path = f"/repos/{job.repository}/collaborators/{comment.user.login}/permission"
    answer = api.get(path)
    return isinstance(answer, dict) and answer.get("permission") in MAY_WRITE
