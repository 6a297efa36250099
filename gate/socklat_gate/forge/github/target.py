"""What a job's commit is to be merged into, by its event: the branch, and variables that say so."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from socklat_gate.ci_variables import queued_for
from socklat_gate.errors import UsageError
from socklat_gate.forge.github.event import read_event
from socklat_gate.forge.github.workflow_job import job_of, with_subject

__all__ = ["Target", "merge_group_base", "target_of"]


@dataclass(frozen=True, slots=True)
class Target:
    """``ref`` is a branch or a commit, empty where there is none.

    ``merge_group`` is the same where a merge queue started the job.  ``variables`` are those that
    a pull request's own job would have, where this job lacks them.
    """

    ref: str
    merge_group: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


def target_of(environment: Mapping[str, str], subject: str) -> Target:
    """The target of the job that these variables describe; ``subject`` as `with_subject` takes it.

    Raises `UsageError` (BAD_ARGUMENT, BAD_EVENT).
    """
    branch = environment.get("GITHUB_BASE_REF", "")
    if branch:
        return Target(branch)
    base = merge_group_base(environment)
    if base:
        return Target(base, merge_group=base)
    pull_request = with_subject(job_of(environment), subject).subject if subject else None
    if pull_request is None:
        return Target("")
    return Target(
        pull_request.base.ref,
        variables={
            "GITHUB_BASE_REF": pull_request.base.ref,
            "GITHUB_HEAD_REF": pull_request.head.ref,
            "GITHUB_REF": f"refs/pull/{pull_request.number}/head",
        },
    )


def merge_group_base(environment: Mapping[str, str]) -> str:
    """The commit that a merge queue's group comes after; empty in any other job.

    The branch itself is second best: before this group there may be others that it does not have
    yet.  It is taken where the payload names no commit.
    """
    if environment.get("GITHUB_EVENT_NAME") != "merge_group":
        return ""
    path, base = environment.get("GITHUB_EVENT_PATH", ""), ""
    with suppress(UsageError):
        group = read_event(Path(path)).merge_group if path else None
        base = group.base if group else ""
    return base or queued_for(environment.get("GITHUB_REF", "").removeprefix("refs/heads/"))
