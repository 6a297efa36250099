"""What a place for stored documents can do, and which names documents have there.

A name is ``folder/file``: ``shop/20260304T050607Z-0123456789ab.json`` for a campaign of scenario
``shop``, ``_calibrations/shop/KEY.json`` for a study of a runner, ``_links/shop/...`` for what a
gate measured between two commits.  Documents are added and removed, never changed; only
calibrations are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NoReturn, Protocol, runtime_checkable

from socklat_gate.documents.limits import CAMPAIGN
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError

__all__ = [
    "MAX_BYTES",
    "SCENARIO_NAME",
    "Compactable",
    "Place",
    "check_name",
    "files_of",
    "folders_of",
    "not_writable",
]

MAX_BYTES = CAMPAIGN.stored
"""Largest document that a place gives, in bytes."""

SCENARIO_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

_FOLDER = r"(?:_calibrations/|_links/)?[a-z0-9][a-z0-9._-]{0,62}"
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}")
_NAME = re.compile(rf"{_FOLDER}/[A-Za-z0-9][A-Za-z0-9._-]{{0,126}}\.json")


class Place(Protocol):
    """Documents by name.  Every method raises `NoUsableBaseline` where reading fails.

    baseline_missing: there is no such document or place; baseline_unreachable: network or
    credentials; baseline_corrupt: what lies there can be no document.  Writing raises `UsageError`
    (output_not_writable) instead.
    """

    @property
    def location(self) -> str:
        """The location as the command line gives it."""

    def display_name(self, name: str) -> str:
        """A document's name together with where it is, for people."""

    def absent(self) -> str:
        """Why nothing at all can be there yet, for people; empty when that is not known."""

    def has(self, folder: str) -> bool:
        """Whether there is such a folder; it may be empty."""

    def folders(self) -> tuple[str, ...]:
        """The scenarios' folders, sorted."""

    def names(self, folder: str) -> tuple[str, ...]:
        """The names of all documents in a folder, sorted; none when there is no such folder."""

    def read(self, name: str) -> bytes:
        """A document of at most `MAX_BYTES`."""

    def add(self, name: str, data: bytes) -> None:
        """Store a document; raises `FileExistsError` when there is one of this name."""

    def replace(self, name: str, data: bytes) -> None:
        """Store a document in place of an older one, if there is one."""

    def remove(self, names: Collection[str]) -> None:
        """Remove documents; those that are gone already are no error."""

    def close(self) -> None:
        """Release what was needed to reach it: temporary files, connections."""


@runtime_checkable
class Compactable(Protocol):
    """A place that also keeps what was removed, in a history."""

    def compact(self) -> None:
        """Forget all history, keeping what is there now; raises `UsageError` as writing does."""


def check_name(name: str) -> str:
    """The name, if a document may have it.  Raises `UsageError` (bad_argument) otherwise."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{name[:80]!r} cannot be the name of a stored document",
            remedy="give SCENARIO/FILE.json as `socklat-gate baseline list` shows them",
        )
    return name


def folders_of(location: str, names: Collection[str]) -> tuple[str, ...]:
    """The scenarios among the entries at the top of a place.

    Raises `NoUsableBaseline` (baseline_corrupt) for a name that could lead out of it.
    """
    for name in names:
        _check_entry(location, name)
    return tuple(sorted(name for name in names if SCENARIO_NAME.fullmatch(name)))


def files_of(location: str, folder: str, names: Collection[str]) -> tuple[str, ...]:
    """The documents' full names, from the entries of a folder; others are left out.

    Raises `NoUsableBaseline` (baseline_corrupt) for a name that no document can have.
    """
    documents = sorted(n for n in names if n.endswith(".json") and not n.startswith("."))
    for name in names:
        _check_entry(f"{location}, folder {folder}", name)
    for name in documents:
        if not _FILE.fullmatch(name):
            _hostile(f"{location}, folder {folder}", name)
    return tuple(f"{folder}/{name}" for name in documents)


def not_writable(what: str, remedy: str) -> NoReturn:
    """Raises the `UsageError` for a document that cannot be stored or removed."""
    raise UsageError(Reason.OUTPUT_NOT_WRITABLE, what, remedy=remedy)


def _check_entry(where: str, name: str) -> None:
    if name in ("", ".", "..") or "/" in name or "\\" in name or not name.isprintable():
        _hostile(where, name)


def _hostile(where: str, name: str) -> NoReturn:
    raise NoUsableBaseline(
        Reason.BASELINE_CORRUPT,
        f"{where} holds {name[:80]!r}, which is no name that a stored document can have",
        remedy="find out who put it there, and remove it",
    )
