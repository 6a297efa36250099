"""The sticky comment of a scenario: one a pull request, found again by marker and author."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import stamina
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from socklat_gate.errors import GitHubFailure
from socklat_gate.forge.body import marker_of
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.github.responses import unexpected_response

__all__ = ["MAX_COMMENT", "Compose", "Thread", "put_comment"]

MAX_COMMENT = 65_536
"""Characters that GitHub takes."""

ATTEMPTS = 3
GONE = 404
TOO_LONG = re.compile(r"too long", re.IGNORECASE)

Compose = Callable[[str, int], str]
"""The new body of a comment from its old one (or "") and the characters it may have."""


@dataclass(frozen=True, slots=True)
class Thread:
    """Where comments go: a pull request of a repository, and in whose name."""

    api: GitHub
    repository: str
    number: int
    author: str


class _User(BaseModel):
    model_config = ConfigDict(extra="ignore")
    login: str


class _Comment(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: int
    html_url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,500}$")]
    body: str | None = None
    user: _User | None = None


_PAGE = TypeAdapter(list[_Comment])


def put_comment(thread: Thread, scenario: str, compose: Compose) -> str:
    """Write a scenario's comment, or the new text of the one there is; returns its address.

    Raises `GitHubFailure`.
    """
    marker = marker_of(scenario)
    try:
        for attempt in stamina.retry_context(on=_Lost, attempts=ATTEMPTS, timeout=None):
            with attempt:
                return _put(thread, marker, compose)
    except _Lost as lost:
        raise lost.failure from None
    raise AssertionError("the last attempt returns or raises")


class _Lost(Exception):
    """A creation without a response: another search shows whether it has happened."""

    def __init__(self, failure: GitHubFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def _put(thread: Thread, marker: str, compose: Compose) -> str:
    found = _find(thread, marker)
    old = (found.body or "") if found else ""
    try:
        return _write(thread, found, f"{marker}\n{compose(old, MAX_COMMENT - len(marker) - 1)}")
    except GitHubFailure as error:
        if not TOO_LONG.search(error.message):
            raise
    # It was within the limit as it is known, so GitHub counts otherwise by now.
    return _write(thread, found, f"{marker}\n{compose(old, MAX_COMMENT // 4)}")


def _find(thread: Thread, marker: str) -> _Comment | None:
    """The oldest comment of this author that begins with the marker: anybody may quote it."""
    path = f"/repos/{thread.repository}/issues/{thread.number}/comments"
    for page in thread.api.pages(path, {"per_page": 100}):
        for comment in _check_comments(page):
            author = comment.user.login if comment.user else ""
            first_line = (comment.body or "").partition("\n")[0].rstrip()
            if author.lower() == thread.author.lower() and first_line == marker:
                return comment
    return None


def _write(thread: Thread, found: _Comment | None, body: str) -> str:
    issues, content = f"/repos/{thread.repository}/issues", {"body": body}
    if found is not None:
        path = f"{issues}/comments/{found.id}"
        try:
            return _address(thread.api.send("PATCH", path, content, repeatable=True))
        except GitHubFailure as error:
            if error.status != GONE:
                raise
    path = f"{issues}/{thread.number}/comments"
    try:
        return _address(thread.api.send("POST", path, content, repeatable=False))
    except GitHubFailure as error:
        if error.outcome_unknown:
            raise _Lost(error) from error
        raise


def _address(response: object) -> str:
    return _check_comments([response])[0].html_url


def _check_comments(page: object) -> list[_Comment]:
    try:
        return _PAGE.validate_python(page)
    except ValidationError as error:
        raise unexpected_response("GitHub's list of comments is not as documented") from error
