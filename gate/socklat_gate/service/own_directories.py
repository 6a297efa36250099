"""Temporary directories whose names say whose they are, so that a later job finds those of dead."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from socklat_gate.interrupt import defer_signals
from socklat_gate.service.owner import OwnerTag, is_dead, owner_labels

__all__ = ["dead_directories", "is_dead_directory", "own_directory", "remove_directory"]

PREFIX = "socklat-gate-"


@contextmanager
def own_directory() -> Iterator[Path]:
    """A directory of this process's alone, removed afterwards."""
    home = Path(tempfile.gettempdir()) / f"{PREFIX}{OwnerTag.current().text}"
    try:
        home.mkdir(mode=0o700)
        yield home
    finally:
        with defer_signals():
            remove_directory(home)


def dead_directories() -> list[Path]:
    """Those that `own_directory` made for processes of this user that are certainly gone."""
    found = []
    with os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if not is_dead_directory(Path(entry.path)) or not entry.is_dir(follow_symlinks=False):
                continue
            # Anybody may write there, and what others call so is nothing of ours.
            if entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                found.append(Path(entry.path))
    return sorted(found)


def is_dead_directory(path: Path) -> bool:
    """Whether the name is that of a process that is certainly gone."""
    owner = path.name.removeprefix(PREFIX)
    return owner != path.name and is_dead(owner_labels(owner))


def remove_directory(path: Path) -> None:
    """All of it, as far as that is allowed; never follows a link."""
    shutil.rmtree(path, ignore_errors=True)
