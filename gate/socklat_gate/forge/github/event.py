"""The event that started a workflow run: the part of its payload that matters here, checked.

Payloads carry names and texts that outsiders chose, so nothing about them is taken for granted.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from socklat_gate.errors import Reason, UsageError

__all__ = [
    "Event",
    "MergeGroup",
    "PullRequest",
    "Repository",
    "WorkflowRun",
    "read_event",
    "repository_name",
]

MAX_BYTES = 25 << 20
"""GitHub delivers no larger payload."""

NAME = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
DOTS = {".", ".."}


def repository_name(text: str) -> str:
    """``owner/name``, fit to be a part of a URL's path.  Raises `ValueError`."""
    if not NAME.fullmatch(text) or DOTS & set(text.split("/")):
        raise ValueError("not the name of a repository (owner/name)")
    return text


Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
Number = Annotated[int, Field(ge=1, lt=1 << 53)]
Text = Annotated[str, Field(max_length=1000)]


class _Part(BaseModel):
    """A part of a payload: what is named here is checked, the rest is not looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Repository(_Part):
    """A repository."""

    full_name: Annotated[str, AfterValidator(repository_name)]


class Branch(_Part):
    """One side of a pull request; ``repo`` is None when it was deleted."""

    sha: Sha
    ref: Text
    repo: Repository | None = None


class PullRequest(_Part):
    """A pull request; ``merge_commit_sha`` is what merging it now would make."""

    number: Number
    head: Branch
    base: Branch
    merge_commit_sha: Annotated[str, Field(max_length=64)] | None = None

    @property
    def from_fork(self) -> bool:
        """Whether its code comes from another repository, or from one that is not known."""
        head, base = self.head.repo, self.base.repo
        if head is None or base is None:
            return True
        return head.full_name.lower() != base.full_name.lower()


class Label(_Part):
    """A label."""

    name: Text


class WorkflowRun(_Part):
    """The run that a ``workflow_run`` event is about."""

    id: Number
    event: Text
    head_sha: Sha
    head_branch: Text | None = None
    head_repository: Repository | None = None
    run_attempt: Number = 1
    conclusion: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")] | None = None


class Issue(_Part):
    """An issue, a pull request where ``pull_request`` is set."""

    number: Number | None = None
    pull_request: dict[str, object] | None = None


class User(_Part):
    """An account."""

    login: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}(\[bot\])?$")]


class Comment(_Part):
    """A comment, and what its author is to the repository: OWNER, MEMBER, CONTRIBUTOR, NONE...

    Gitea and Forgejo do not say that.
    """

    author_association: Text = ""
    user: User | None = None


class MergeGroup(_Part):
    """Pull requests that a merge queue tries together.

    ``base_ref`` is the branch that they are to be merged into, ``base_sha`` what they come after:
    its tip, or the group before them; a host that is only like GitHub may leave either out.
    """

    head_sha: Sha | None = None
    base_sha: Sha | None = None
    base_ref: Text = ""

    @property
    def base(self) -> str:
        """What the group comes after: the commit, else the branch; empty where neither is known."""
        return self.base_sha or self.base_ref.removeprefix("refs/heads/")


class Event(_Part):
    """What happened; ``label`` is the one that ``action`` "labeled" added."""

    action: Text | None = None
    pull_request: PullRequest | None = None
    label: Label | None = None
    workflow_run: WorkflowRun | None = None
    repository: Repository | None = None
    issue: Issue | None = None
    comment: Comment | None = None
    merge_group: MergeGroup | None = None


def read_event(path: Path) -> Event:
    """The event in the file that GITHUB_EVENT_PATH names.  Raises `UsageError` (BAD_EVENT)."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise _bad(path, f"is larger than {MAX_BYTES} bytes")
    try:
        return Event.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, problem["loc"])) or "the payload"
        raise _bad(path, f"is not the payload of an event: {where}: {problem['msg']}") from None


def _bad(path: Path, what: str) -> UsageError:
    return UsageError(
        Reason.BAD_EVENT,
        f"{path} {what}",
        remedy="run this in a step of a GitHub workflow, which sets GITHUB_EVENT_PATH",
    )
