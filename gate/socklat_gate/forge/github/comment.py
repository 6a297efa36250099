"""The sticky comment of a scenario: one a pull request, found again by marker and author."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from socklat_gate.errors import GitHubFailure
from socklat_gate.forge.body import MARKER, marker_of
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.github.responses import unexpected_response
from socklat_gate.forge.github.workflow_job import Host
from socklat_gate.forge.sticky_note import (
    FORGEJO_BOT,
    GITEA_BOT,
    GITHUB_BOT,
    GONE,
    Compose,
    created,
    fitting,
    until_known,
)

__all__ = [
    "Marked",
    "Thread",
    "marked_comments",
    "put_comment",
    "rewrite_comment",
]

JOBS_OWN = {Host.GITHUB: GITHUB_BOT, Host.GITEA: GITEA_BOT, Host.FORGEJO: FORGEJO_BOT}


@dataclass(frozen=True, slots=True)
class Thread:
    """Where comments go: a pull request of a repository, and in whose name.

    ``author`` is empty where it is to be found out.  ``warn`` is told what will go wrong next time.
    """

    api: GitHub
    repository: str
    number: int
    author: str = ""
    host: Host = Host.GITHUB
    warn: Callable[[str], object] = lambda _: None

    @property
    def path(self) -> str:
        """Of its comments."""
        return f"/repos/{self.repository}/issues/{self.number}/comments"


class Marked(NamedTuple):
    """A comment of this tool: its first line, its address, and all of it."""

    marker: str
    address: str
    body: str


class _User(BaseModel):
    model_config = ConfigDict(extra="ignore")
    login: str


class _Comment(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: int
    html_url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,500}$")]
    body: str | None = None
    user: _User | None = None

    @property
    def author(self) -> str:
        """In lower case: logins differ in more than that."""
        return self.user.login.lower() if self.user else ""

    @property
    def first_line(self) -> str:
        """Where the marker is: anybody may quote it further down."""
        return (self.body or "").partition("\n")[0].rstrip()


_PAGE = TypeAdapter(list[_Comment])


def put_comment(thread: Thread, scenario: str, compose: Compose, key: str = "") -> str:
    """Write a scenario's comment, or the new text of the one there is; returns its address.

    Each ``key`` has a comment of its own.  Raises `GitHubFailure`.
    """
    marker = marker_of(scenario, key)
    return until_known(lambda: _put(thread, marker, compose))


def marked_comments(thread: Thread) -> tuple[Marked, ...]:
    """All comments of this tool in its own name, of whatever scenario; of a marker the oldest.

    Raises `GitHubFailure`.
    """
    found = [one for one in _listed(thread) if MARKER.fullmatch(one.first_line)]
    own = {_expected(thread)}
    if not thread.author and any(one.author not in own for one in found):
        own.add(thread.api.login().lower())
    kept: dict[str, Marked] = {}
    for one in found:
        if one.author in own - {""}:
            kept.setdefault(one.first_line, Marked(one.first_line, one.html_url, one.body or ""))
    return tuple(kept.values())


def rewrite_comment(thread: Thread, marker: str, compose: Compose) -> str:
    """The new text of the comment with this marker.  Raises `GitHubFailure`."""
    return until_known(lambda: _put(thread, marker, compose))


def _put(thread: Thread, marker: str, compose: Compose) -> str:
    found, others = _find(thread, marker)
    old = (found.body or "") if found else ""

    def text(old: str, room: int) -> str:
        return f"{marker}\n{compose(old, room - len(marker) - 1)}"

    def write(room: int) -> tuple[int, _Comment]:
        return room, _write(thread, found, text(old, room))

    room, written = fitting(write)
    if found is not None:
        return written.html_url
    return _settle(thread, others, written, lambda old: text(old, room))


def _find(thread: Thread, marker: str) -> tuple[_Comment | None, list[_Comment]]:
    """The oldest comment of this token with the marker, else those that others have made with it.

    Whose token it is costs requests, so it is asked for only where another's comment may be ours:
    an App's or a person's token does not write as the job.
    """
    others = []
    for comment in _listed(thread):
        if comment.first_line == marker:
            if comment.author == _expected(thread):
                return comment, []
            others.append(comment)
    login = thread.api.login().lower() if others and not thread.author else ""
    return next((one for one in others if login and one.author == login), None), others


def _listed(thread: Thread) -> Iterator[_Comment]:
    """All comments, the oldest first."""
    # Gitea and Forgejo know the second name of the same.
    for page in thread.api.pages(thread.path, {"per_page": 100, "limit": 50}):
        yield from _check_comments(page)


def _expected(thread: Thread) -> str:
    """Whom a comment of ours is by, in lower case, as far as nobody was asked."""
    return (thread.author or JOBS_OWN[thread.host]).lower()


def _settle(
    thread: Thread, others: Sequence[_Comment], written: _Comment, text: Callable[[str], str]
) -> str:
    """A new comment tells whose the token is.

    Where that account has an older one, the text goes there and the new one goes away: there is one
    comment, however often somebody pushes.
    """
    author = written.author
    if author and thread.author and author != _expected(thread):
        thread.warn(
            f"the token writes as {author}, not as {thread.author}: correct the input "
            "comment-author, or leave it out"
        )
    older = next((one for one in others if author and one.author == author), None)
    if older is None:
        return written.html_url
    kept = _write(thread, older, text(older.body or ""))
    thread.api.delete(f"/repos/{thread.repository}/issues/comments/{written.id}")
    return kept.html_url


def _write(thread: Thread, found: _Comment | None, body: str) -> _Comment:
    content = {"body": body}
    if found is not None:
        path = f"/repos/{thread.repository}/issues/comments/{found.id}"
        try:
            return _one(thread.api.send("PATCH", path, content, repeatable=True))
        except GitHubFailure as error:
            if error.status != GONE:
                raise
    return created(lambda: _one(thread.api.send("POST", thread.path, content, repeatable=False)))


def _one(response: object) -> _Comment:
    return _check_comments([response])[0]


def _check_comments(page: object) -> list[_Comment]:
    try:
        return _PAGE.validate_python(page)
    except ValidationError as error:
        raise unexpected_response("GitHub's list of comments is not as documented") from error
