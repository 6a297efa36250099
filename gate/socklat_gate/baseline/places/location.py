"""Which place a location means."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from socklat_gate.baseline.places.directory import Directory
from socklat_gate.baseline.places.place import Place
from socklat_gate.baseline.places.slow_notice import ShowLine
from socklat_gate.errors import Reason, UsageError
from socklat_gate.git import is_branch

__all__ = ["is_remote", "open_place"]

GIT = "git+branch:"
DEFAULT_REMOTE = "origin"

_URL = re.compile(r"[a-z][a-z0-9+.:-]*://.*", re.DOTALL)
_REMOTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FORMS = "give a directory, git+branch:NAME[@REMOTE], or an address such as s3://BUCKET/PREFIX"


def is_remote(location: str | Path) -> bool:
    """Whether a location is a branch or an address, not a path."""
    text = str(location)
    return isinstance(location, str) and bool(text.startswith(GIT) or _URL.fullmatch(text))


def open_place(location: str | Path, *, show_line: ShowLine | None = None) -> Place:
    """The place at ``location``; nothing is fetched before it is needed.

    A directory, ``git+branch:NAME[@REMOTE]`` in the repository of the working directory, or an
    address that fsspec knows.  ``show_line`` gets a line when something takes long; without
    it the line goes to stderr.  Raises `UsageError`: bad_argument for what is none of these,
    missing_extra.
    """
    if not is_remote(location):
        return Directory(Path(location))
    text = str(location)
    if text.startswith(GIT):
        # A branch may have an @ in its name, a remote has none: name both then.
        branch, found, remote = text.removeprefix(GIT).rpartition("@")
        if not found:
            branch, remote = remote, DEFAULT_REMOTE
        if not (is_branch(branch) and _REMOTE.fullmatch(remote)):
            _refuse(text, "names no branch and remote that git can have")
        # Only here: its libraries are not needed otherwise.
        from socklat_gate.baseline.places.git_branch import GitBranch  # noqa: PLC0415

        return GitBranch(branch, remote, Path.cwd(), show_line or _show_line)
    if text.startswith("file://"):
        return Directory(_path_of(text))
    if not text.isprintable() or re.search(r"::|/\.{1,2}(/|$)|[?#\\*\[\]@]", text):
        _refuse(text, "is not a plain address")
    from socklat_gate.baseline.places.object_store import ObjectStore  # noqa: PLC0415

    return ObjectStore(text, show_line or _show_line)


def _path_of(text: str) -> Path:
    parts = urlsplit(text)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost") or not path or "\0" in path:
        _refuse(text, "names no path on this machine")
    return Path(path)


def _refuse(text: str, why: str) -> NoReturn:
    raise UsageError(Reason.BAD_ARGUMENT, f"location {text[:120]!r} {why}", remedy=_FORMS)


def _show_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress, not data
