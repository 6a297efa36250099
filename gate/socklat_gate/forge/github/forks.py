"""Whose code may be measured on this runner.

A pull request from a fork brings code of a stranger.  On a machine of GitHub's that is thrown away
afterwards it may run with a read-only token; on a self-hosted runner only when somebody with the
right to label has just looked at it.
"""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.forge.github.workflow_job import Job

__all__ = ["Refusal", "is_approved_by_label", "refusal"]

OWN_CODE = {
    "create",
    "deployment",
    "merge_group",
    "push",
    "release",
    "repository_dispatch",
    "schedule",
    "workflow_dispatch",
}
"""Events that run what is in the repository itself."""

READ_ONLY_FOR_FORKS = {"pull_request", "pull_request_review", "pull_request_review_comment"}
"""Events whose jobs get no token that can write when the pull request comes from a fork."""

TRUSTED = {"OWNER", "MEMBER", "COLLABORATOR"}
"""What the author of a comment must be to the repository: anybody can comment on a public one."""

LABEL = (
    "measure it on a runner that GitHub hosts, or read the change and then add the label that the "
    "input fork-label names (docs/howto/github.md)"
)
BY_PULL_REQUEST = (
    "let a workflow that runs on `pull_request` measure it: its job has no token that can write "
    "(docs/howto/github.md)"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a job must not measure, and what to do instead."""

    why: str
    remedy: str


def refusal(job: Job, label: str) -> Refusal | None:
    """Why this job must not measure; None when it may.

    ``label`` allows one run of a fork's code: the run that adding the label started, and no later
    push.
    """
    comment = _comment_refusal(job)
    if comment is not None:
        return comment
    pull_request = job.pull_request
    if pull_request is not None and pull_request.from_fork:
        return _fork_refusal(job, label)
    if pull_request is not None or job.event_name in OWN_CODE:
        return None
    return _unknown_refusal(job)


def is_approved_by_label(job: Job, label: str) -> bool:
    """Whether adding ``label`` to a fork's pull request started this very run."""
    event = job.event
    # A label that is merely present approves nothing that was pushed after it was set.
    return bool(label and event.action == "labeled" and event.label and event.label.name == label)


def _comment_refusal(job: Job) -> Refusal | None:
    """A comment starts a job with the repository's token, whoever wrote it."""
    if job.event_name != "issue_comment" or job.event.issue is None:
        return None
    if job.event.issue.pull_request is None:
        return Refusal(
            "the comment is on an issue, which has no code",
            "let the job's `if` ask for github.event.issue.pull_request",
        )
    comment = job.event.comment
    relation = comment.author_association if comment else ""
    if relation in TRUSTED or job.author_may_write:
        return None
    return Refusal(
        f"who commented is no member of this repository ({relation or 'not known'})",
        "let a member comment; the job's `if` can ask for github.event.comment.author_association",
    )


def _unknown_refusal(job: Job) -> Refusal | None:
    run = job.event.workflow_run
    if run is not None:
        own = run.head_repository is not None and run.head_repository.full_name == job.repository
        why = "a workflow_run job holds the repository's token, not for a fork's code"
        return None if own else Refusal(why, BY_PULL_REQUEST)
    if job.self_hosted:
        why = f"whose code a {job.event_name} event runs on this self-hosted runner is not known"
        return Refusal(why, "let the job run on push, pull_request or workflow_dispatch")
    return None


def _fork_refusal(job: Job, label: str) -> Refusal | None:
    if job.event_name not in READ_ONLY_FOR_FORKS:
        why = f"a {job.event_name} job holds the repository's token, not for a fork's code"
        return Refusal(why, BY_PULL_REQUEST)
    if not job.self_hosted or is_approved_by_label(job, label):
        return None
    return Refusal("the pull request comes from a fork, and this runner is self-hosted", LABEL)
