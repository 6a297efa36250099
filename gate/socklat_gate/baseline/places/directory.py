"""Documents in a directory: ``ROOT/SCENARIO/FILE.json``."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.baseline.places.place import MAX_BYTES, SCENARIO_NAME, check_name, not_writable
from socklat_gate.documents.atomic import write_atomic
from socklat_gate.documents.reading import VERIFY, read_bounded
from socklat_gate.errors import NoUsableBaseline, Reason

__all__ = ["Directory"]


@dataclass(frozen=True, slots=True)
class Directory:
    """A place in the file system; ``root`` need not exist before the first document.

    Symbolic links that lead out of it are refused.  Files are written atomically.
    """

    root: Path

    @property
    def location(self) -> str:
        """The path."""
        return str(self.root)

    def display_name(self, name: str) -> str:
        """The file's path."""
        return str(self.root / name)

    def absent(self) -> str:
        """No text: the message names the directory."""
        return ""

    def has(self, folder: str) -> bool:
        """Whether the directory is there."""
        return (self.root / folder).is_dir()

    def folders(self) -> tuple[str, ...]:
        """Entries whose name a scenario can have."""
        return _entries(self.root, SCENARIO_NAME.pattern)

    def names(self, folder: str) -> tuple[str, ...]:
        """Files ``*.json``; temporary files begin with a dot and never match."""
        return tuple(f"{folder}/{name}" for name in _entries(self.root / folder, r"[^.].*\.json"))

    def read(self, name: str) -> bytes:
        """The content of a file inside the directory."""
        path = self.root / name
        if not self._inside(path):
            raise NoUsableBaseline(
                Reason.BASELINE_CORRUPT, f"{path} links to a place outside the store", remedy=VERIFY
            )
        return read_bounded(path, MAX_BYTES)

    def add(self, name: str, data: bytes) -> None:
        """Write a file that is not there yet, also when a second process does the same."""
        write_atomic(self._path_to_write(name), data, overwrite=False)

    def replace(self, name: str, data: bytes) -> None:
        """Write a file in one step."""
        write_atomic(self._path_to_write(name), data, overwrite=True)

    def remove(self, names: Collection[str]) -> None:
        """Unlink files; a link goes, not what it points at."""
        for name in names:
            path = self.root / name
            if not self._inside(path.parent):
                not_writable(f"{path.parent} links to a place outside {self.root}", VERIFY)
            try:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
            except OSError as error:
                not_writable(
                    f"cannot remove {path}: {error.strerror}",
                    "check the permissions of the baseline directory",
                )

    def close(self) -> None:
        """Nothing to release."""

    def _path_to_write(self, name: str) -> Path:
        path = self.root / check_name(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            not_writable(
                f"cannot create {path.parent}: {error.strerror}",
                "choose a directory that this user may write to with --baselines",
            )
        if not self._inside(path):
            not_writable(
                f"{path.parent} links to a place outside {self.root}",
                "replace the symbolic link by a directory",
            )
        return path

    def _inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError):  # a loop of links
            return False


def _entries(directory: Path, pattern: str) -> tuple[str, ...]:
    """Names of the entries that match, sorted."""
    try:
        found = sorted(path.name for path in directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise NoUsableBaseline(
            Reason.BASELINE_MISSING,
            f"cannot read {directory}: {error.strerror}",
            remedy="check the permissions of the baseline directory",
        ) from error
    return tuple(name for name in found if re.fullmatch(pattern, name))
