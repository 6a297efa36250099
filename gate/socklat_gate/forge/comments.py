"""Comments on a pull request of Forgejo, Gitea or GitHub, whose APIs are the same here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from socklat_gate.errors import HostFailure
from socklat_gate.forge.api.client import ApiClient
from socklat_gate.forge.api.dialect import Dialect
from socklat_gate.forge.sticky_note import FORGEJO_BOT, GITEA_BOT, GITHUB_BOT, Note

__all__ = ["FORGEJO", "GITEA", "PullRequestComments"]


def _dialect(name: str) -> Dialect:
    return Dialect(
        name=name,
        headers={"Accept": "application/json"},
        authorisation=lambda token: ("Authorization", f"token {token}"),
        rights="give an access token with write access to issues (scope write:issue) of an account "
        "that may read the repository: see docs/howto/forgejo.md",
        address="give the address of the API, such as https://forge.example/api/v1",
    )


FORGEJO, GITEA = _dialect("Forgejo"), _dialect("Gitea")

BOTS = {
    # Its CI is that of Gitea by its variables, and on an older one its account as well.
    FORGEJO.name: frozenset({FORGEJO_BOT, GITEA_BOT}),
    GITEA.name: frozenset({GITEA_BOT}),
}
"""Who a job's own token writes as, which may not ask who it is; elsewhere it is GitHub's."""

FORBIDDEN = {403, 404}


class _User(BaseModel):
    model_config = ConfigDict(extra="ignore")
    login: Annotated[str, Field(max_length=255)]


class _Comment(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: int
    html_url: str = ""
    body: str | None = None
    user: _User | None = None


_LIST = TypeAdapter(list[_Comment])
_ADDRESS = TypeAdapter(Annotated[str, Field(pattern=r"^https?://[!-~]{1,500}$")])


@dataclass(frozen=True, slots=True)
class PullRequestComments:
    """Comments on pull request ``number`` of ``repository`` (owner and name).

    ``author``: the account that the token writes as; empty: the host is asked.
    """

    api: ApiClient
    repository: str
    number: int
    author: str = ""

    def own(self) -> Iterator[Note]:
        """Those of the token's account, the oldest first."""
        me = self._me()
        for page in self.api.pages(self._path, {"per_page": 100, "limit": 50}):
            for comment in self._check(page):
                if comment.user and comment.user.login.lower() in me:
                    yield Note(comment.id, comment.body or "")

    def head(self) -> str:
        """The newest commit of the pull request."""
        found = self.api.get(f"/repos/{self.repository}/pulls/{self.number}")
        head = found.get("head") if isinstance(found, dict) else None
        sha = head.get("sha") if isinstance(head, dict) else None
        return sha if isinstance(sha, str) else ""

    def create(self, body: str) -> str:
        """Write a new one."""
        return self._address(self.api.send("POST", self._path, {"body": body}, repeatable=False))

    def update(self, note: Note, body: str) -> str:
        """Write another text into one."""
        path = f"/repos/{self.repository}/issues/comments/{note.id}"
        return self._address(self.api.send("PATCH", path, {"body": body}, repeatable=True))

    @property
    def _path(self) -> str:
        return f"/repos/{self.repository}/issues/{self.number}/comments"

    def _me(self) -> frozenset[str]:
        if self.author:
            return frozenset({self.author.lower()})
        try:
            return frozenset({_User.model_validate(self.api.get("/user")).login.lower()})
        except HostFailure as error:
            if error.status not in FORBIDDEN:
                raise
            return BOTS.get(self.api.dialect.name, frozenset({GITHUB_BOT}))
        except ValidationError as error:
            raise self._unexpected("does not say whose token this is") from error

    def _address(self, response: object) -> str:
        (comment,) = self._check([response])
        try:
            return _ADDRESS.validate_python(comment.html_url)
        except ValidationError:
            return ""

    def _check(self, page: object) -> list[_Comment]:
        try:
            return _LIST.validate_python(page)
        except ValidationError as error:
            raise self._unexpected("responds with comments that are not as documented") from error

    def _unexpected(self, what: str) -> HostFailure:
        return self.api.dialect.unexpected_response(f"{self.api.dialect.name} {what}")
