"""Notes of a GitLab merge request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from socklat_gate.forge.api.client import ApiClient
from socklat_gate.forge.api.dialect import Dialect
from socklat_gate.forge.sticky_note import Note

__all__ = ["GITLAB", "MergeRequestNotes", "without_quick_actions"]

GITLAB = Dialect(
    name="GitLab",
    headers={"Accept": "application/json"},
    authorisation=lambda token: ("PRIVATE-TOKEN", token),
    rights="give a project or group access token of the scope api and the role Reporter or higher "
    "that has not expired: see docs/howto/gitlab.md (a job's own CI_JOB_TOKEN may write no notes)",
    address="give the address of the API, such as https://gitlab.example/api/v4 (CI_API_V4_URL)",
)

# `/merge` at the start of a line of a note is a command, carried out as the token's account.
_ACTION = re.compile(r"^([ \t]*)/(?=\S)", re.MULTILINE)
JOINER = "\u2060"


class _User(BaseModel):
    model_config = ConfigDict(extra="ignore")
    username: Annotated[str, Field(min_length=1, max_length=255)]


class _Note(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: int
    body: str | None = None
    system: bool = False
    author: _User | None = None


_PAGE = TypeAdapter(list[_Note])


def without_quick_actions(body: str) -> str:
    """The text with an invisible joiner before each slash that begins a line."""
    return _ACTION.sub(rf"\1{JOINER}/", body)


@dataclass(frozen=True, slots=True)
class MergeRequestNotes:
    """Notes of merge request ``number`` of ``project`` (its number, or group and name).

    ``author``: the account that the token writes as; empty: GitLab is asked.  ``project_url``: the
    project's page, or empty.
    """

    api: ApiClient
    project: str
    number: int
    author: str = ""
    project_url: str = ""

    def own(self) -> Iterator[Note]:
        """Those of the token's account, the oldest first; none that GitLab writes itself."""
        me = self.author or self._me()
        query: dict[str, str | int] = {"per_page": 100, "sort": "asc", "order_by": "created_at"}
        for page in self.api.pages(self._path, query):
            for note in self._check(page):
                if not note.system and note.author and note.author.username == me:
                    yield Note(note.id, note.body or "")

    def head(self) -> str:
        """The newest commit of the merge request."""
        found = self.api.get(self._path.removesuffix("/notes"))
        sha = found.get("sha") if isinstance(found, dict) else None
        return sha if isinstance(sha, str) else ""

    def create(self, body: str) -> str:
        """Write a new one."""
        content = {"body": without_quick_actions(body)}
        return self._address(self.api.send("POST", self._path, content, repeatable=False))

    def update(self, note: Note, body: str) -> str:
        """Write another text into one."""
        path, content = f"{self._path}/{note.id}", {"body": without_quick_actions(body)}
        return self._address(self.api.send("PUT", path, content, repeatable=True))

    @property
    def _path(self) -> str:
        return f"/projects/{quote(self.project, safe='')}/merge_requests/{self.number}/notes"

    def _me(self) -> str:
        try:
            return _User.model_validate(self.api.get("/user")).username
        except ValidationError as error:
            raise self.api.dialect.unexpected_response(
                "GitLab does not say whose token this is"
            ) from error

    def _address(self, response: object) -> str:
        (note,) = self._check([response])
        page = f"{self.project_url}/-/merge_requests/{self.number}#note_{note.id}"
        return page if self.project_url else ""

    def _check(self, page: object) -> list[_Note]:
        try:
            return _PAGE.validate_python(page)
        except ValidationError as error:
            raise self.api.dialect.unexpected_response(
                "GitLab's list of notes is not as documented"
            ) from error
