"""One note a scenario and pull request on any code host: found again, updated in place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import stamina

from socklat_gate.errors import HostFailure
from socklat_gate.masking import mask

__all__ = [
    "FORGEJO_BOT",
    "GITEA_BOT",
    "GITHUB_BOT",
    "GONE",
    "MAX_NOTE",
    "Compose",
    "Note",
    "Notes",
    "created",
    "fitting",
    "put_note",
    "until_known",
]

MAX_NOTE = 65_536
"""Characters of a note: what the strictest of the hosts takes, and more than anybody reads."""

GITHUB_BOT, GITEA_BOT, FORGEJO_BOT = "github-actions[bot]", "gitea-actions", "forgejo-actions"
"""Who writes with a job's own token; no account of a person can have that name on that host."""

ATTEMPTS = 3
GONE = 404
TOO_LONG = re.compile(r"too long|maximum is", re.IGNORECASE)

Compose = Callable[[str, int], str]
"""The new body of a note from its old one (or "") and the characters it may have."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Note:
    """A note as the host has it."""

    id: int
    body: str


class Notes(Protocol):
    """Notes of one pull request, as one account; every method raises `HostFailure`."""

    def own(self) -> Iterator[Note]:
        """Those of this account, the oldest first: anybody may quote one of them."""

    def head(self) -> str:
        """The newest commit of the pull request; empty where the host does not say."""

    def create(self, body: str) -> str:
        """Write a new one; returns its address, or empty."""

    def update(self, note: Note, body: str) -> str:
        """Write another text into one; returns its address, or empty."""


def put_note(notes: Notes, marker: str, compose: Compose) -> str:
    """Write the note that begins with the line ``marker``, or the new text of the one there is.

    Returns its address, or empty where the host names none.  Raises `HostFailure`.
    """
    return until_known(lambda: _put(notes, marker, compose))


class _Lost(Exception):
    """A creation without a response: another search shows whether it has happened."""

    def __init__(self, failure: HostFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def until_known(put: Callable[[], T]) -> T:
    """``put`` looks for a note and writes it; again where it is not known if it was `created`.

    Raises `HostFailure`.
    """
    try:
        for attempt in stamina.retry_context(on=_Lost, attempts=ATTEMPTS, timeout=None):
            with attempt:
                return put()
    except _Lost as lost:
        raise lost.failure from None
    raise AssertionError("the last attempt returns or raises")


def created(create: Callable[[], T]) -> T:
    """What creates a note, within `until_known`."""
    try:
        return create()
    except HostFailure as error:
        if error.outcome_unknown:
            raise _Lost(error) from error
        raise


def fitting(write: Callable[[int], T]) -> T:
    """``write`` within `MAX_NOTE` characters, or a quarter of that on a host with less room."""
    try:
        return write(MAX_NOTE)
    except HostFailure as error:
        if not TOO_LONG.search(error.message):
            raise
    return write(MAX_NOTE // 4)


def _put(notes: Notes, marker: str, compose: Compose) -> str:
    begun = (note for note in notes.own() if note.body.partition("\n")[0].rstrip() == marker)
    found = next(begun, None)
    old = found.body if found else ""

    def write(room: int) -> str:
        body = mask(f"{marker}\n{compose(old, room - len(marker) - 1)}")
        return _write(notes, found, body)

    return fitting(write)


def _write(notes: Notes, found: Note | None, body: str) -> str:
    if found is not None:
        try:
            return notes.update(found, body)
        except HostFailure as error:
            if error.status != GONE:
                raise
    return created(lambda: notes.create(body))
