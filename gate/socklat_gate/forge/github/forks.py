"""Whose code may be measured on this runner.

A pull request from a fork brings code of a stranger.  On a machine of GitHub's that is thrown away
afterwards it may run with a read-only token; on a self-hosted runner only when somebody with the
right to label has just looked at it.
"""

from __future__ import annotations

from socklat_gate.forge.github.workflow_job import Job

__all__ = ["refusal"]

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


def refusal(job: Job, label: str) -> str:
    """Why this job must not measure; empty when it may.

    ``label`` allows one run of a fork's code: the run that adding the label started, and no later
    push.
    """
    pull_request = job.event.pull_request
    if pull_request is not None and pull_request.from_fork:
        return _fork_refusal(job, label)
    if pull_request is not None or job.event_name in OWN_CODE:
        return ""
    run = job.event.workflow_run
    if run is not None:
        own = run.head_repository is not None and run.head_repository.full_name == job.repository
        return "" if own else "a workflow_run job holds the repository's token, not for a fork"
    if job.self_hosted:
        return f"whose code a {job.event_name} event runs on this self-hosted runner is not known"
    return ""


def _fork_refusal(job: Job, label: str) -> str:
    if job.event_name == "pull_request_target":
        return "a pull_request_target job holds the repository's token, not for a fork's code"
    if not job.self_hosted:
        return ""
    event = job.event
    # A label that is merely present approves nothing that was pushed after it was set.
    if label and event.action == "labeled" and event.label and event.label.name == label:
        return ""
    return "the pull request comes from a fork, and this runner is self-hosted"
