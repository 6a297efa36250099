"""Whether what is checked out is what a job's check and comment will be about.

A job of a comment or a manual start gets the default branch by itself, and any other whatever its
workflow names as ``ref``: a verdict about that must not stand at another commit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from socklat_gate.ci_variables import repository_of
from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.github.workflow_job import Job
from socklat_gate.git import CheckedOut, git

__all__ = ["about_checkout", "check_checkout", "commits_of"]

RUNS_THE_TARGETS_CODE = "pull_request_target"


def check_checkout(job: Job, here: CheckedOut, *, by_label: bool) -> None:
    """That ``here`` is the commit of the job's pull request, or of its merge queue's group.

    Where a job gets another one by itself, that commit has to be here; else nothing else of this
    repository may be.  ``by_label``: a label approved the commit of this event, and nothing else
    may run.  Elsewhere no pull request may be here that nobody named.  Raises `UsageError`
    (BAD_EVENT) with what to check out.
    """
    pull_request, queued = job.pull_request, job.event.merge_group is not None
    if pull_request is None and not queued:
        # Whose code it is, and what it may do, is asked of a pull request only.
        if here.pull_requests and here.head != job.sha and not here.branches:
            raise _refusal(
                here,
                f"as pull request {here.pull_requests[0]}, which this {job.event_name} job is not "
                "said to be about",
                f"give the input pull-request: {here.pull_requests[0]}",
            )
        return
    if by_label and pull_request is not None:
        if here.head not in (pull_request.head.sha, job.sha):
            label = pull_request.head.sha
            raise _refusal(
                here,
                f"but the label was put on {label[:12]}",
                f"give actions/checkout `ref: {label}`, or review what was pushed and label it",
            )
        return
    strict = _is_strict(job)
    if _is_about(job, here) or not (strict or (here.head and _is_of(job, here))):
        return
    if pull_request is None:
        raise _refusal(
            here,
            f"but the merge queue's group is {job.sha[:12]}",
            "leave `ref` out of actions/checkout",
        )
    raise _refusal(
        here,
        f"but pull request {pull_request.number} is {job.head_sha[:12]}: a {job.event_name} job "
        f"gets {'the default branch' if strict else 'its merge with the target branch'} unless it "
        "names another commit",
        f"give actions/checkout `ref: refs/pull/{pull_request.number}/head` and `fetch-depth: 0`; "
        "when somebody has pushed meanwhile, start it anew",
    )


def about_checkout(job: Job, here: CheckedOut) -> Job:
    """The same about the commit that is checked out, where the event is about none in particular.

    A schedule's, say, or a push's whose job takes the newest commit of the branch.
    """
    if job.pull_request is not None or job.event.merge_group is not None:
        return job
    if not here.head or _is_about(job, here) or not _is_of(job, here):
        return job
    return replace(job, sha=here.head)


def commits_of(job: Job, here: CheckedOut) -> Collection[str]:
    """Commits of which a result may be that this job has measured."""
    own = {job.sha, job.head_sha}
    return own | {here.head} if _is_about(job, here) or not _is_of(job, here) else own


def _is_strict(job: Job) -> bool:
    """Whether such a job gets something else unless it is told what to check out."""
    if job.pull_request is None:
        return False
    return job.subject is not None or job.event_name == RUNS_THE_TARGETS_CODE


def _is_about(job: Job, here: CheckedOut) -> bool:
    """Whether what is here is the job's commit, what it would be merged as, or made of it."""
    if _is_strict(job):
        return here.head == job.head_sha or here.is_merge_of((job.head_sha,))
    wanted = {job.head_sha, job.sha}
    return here.head in wanted or here.is_merge_of(wanted) or here.is_made_of(wanted)


def _is_of(job: Job, here: CheckedOut) -> bool:
    """Whether it is a clone of the job's repository, by the addresses of its remotes.

    Scenarios may be in one of their own.
    """
    pull_request = job.pull_request
    fork = pull_request.head.repo if pull_request else None
    names = {job.repository.lower(), fork.full_name.lower() if fork else job.repository.lower()}
    places = map(repository_of, here.remotes)
    return any(place.endswith(f"/{name}") for place in places for name in names)


def _refusal(here: CheckedOut, what: str, remedy: str) -> UsageError:
    why = "" if here.head else f" ({git(here.directory, 'rev-parse', 'HEAD').why})"
    found = f"commit {here.head[:12]} is" if here.head else "nothing is"
    return UsageError(
        Reason.BAD_EVENT, f"not measured: {found} checked out{why}, {what}", remedy=remedy
    )
