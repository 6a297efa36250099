"""One note a scenario and pull request on any code host: found again, updated in place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import stamina

from socklat_gate.errors import HostFailure
from socklat_gate.masking import mask

__all__ = ["MAX_NOTE", "Compose", "Note", "Notes", "put_note"]

MAX_NOTE = 65_536
"""Characters of a note: what the strictest of the hosts takes, and more than anybody reads."""

ATTEMPTS = 3
GONE = 404
TOO_LONG = re.compile(r"too long|maximum is", re.IGNORECASE)

Compose = Callable[[str, int], str]
"""The new body of a note from its old one (or "") and the characters it may have."""


@dataclass(frozen=True, slots=True)
class Note:
    """A note as the host has it."""

    id: int
    body: str


class Notes(Protocol):
    """Notes of one pull request, as one account; every method raises `HostFailure`."""

    def own(self) -> Iterator[Note]:
        """Those of this account, the oldest first: anybody may quote one of them."""

    def create(self, body: str) -> str:
        """Write a new one; returns its address, or empty."""

    def update(self, note: Note, body: str) -> str:
        """Write another text into one; returns its address, or empty."""


def put_note(notes: Notes, marker: str, compose: Compose) -> str:
    """Write the note that begins with the line ``marker``, or the new text of the one there is.

    Returns its address, or empty where the host names none.  Raises `HostFailure`.
    """
    try:
        for attempt in stamina.retry_context(on=_Lost, attempts=ATTEMPTS, timeout=None):
            with attempt:
                return _put(notes, marker, compose)
    except _Lost as lost:
        raise lost.failure from None
    raise AssertionError("the last attempt returns or raises")


class _Lost(Exception):
    """A creation without a response: another search shows whether it has happened."""

    def __init__(self, failure: HostFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def _put(notes: Notes, marker: str, compose: Compose) -> str:
    begun = (note for note in notes.own() if note.body.partition("\n")[0].rstrip() == marker)
    found = next(begun, None)
    old = found.body if found else ""

    def text(room: int) -> str:
        return mask(f"{marker}\n{compose(old, room - len(marker) - 1)}")

    try:
        return _write(notes, found, text(MAX_NOTE))
    except HostFailure as error:
        if not TOO_LONG.search(error.message):
            raise
    # It was within the limit as it is known, so this host has another one.
    return _write(notes, found, text(MAX_NOTE // 4))


def _write(notes: Notes, found: Note | None, body: str) -> str:
    if found is not None:
        try:
            return notes.update(found, body)
        except HostFailure as error:
            if error.status != GONE:
                raise
    try:
        return notes.create(body)
    except HostFailure as error:
        if error.outcome_unknown:
            raise _Lost(error) from error
        raise
