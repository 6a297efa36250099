"""Files written in one step: readers see the old or the new content, also after a crash."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from pathlib import Path
from typing import BinaryIO

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scratch import is_locked_and_there, lock_if_free

__all__ = ["remove_half_written", "write_atomic"]

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")
NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def write_atomic(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Write ``data`` to ``path`` by way of a temporary file in the same directory.

    File and directory are flushed to disk.  Without ``overwrite`` an existing file is kept, also
    against a second process that writes it at the same moment.  Raises `FileExistsError` then,
    and `UsageError` (output_not_writable) when the system refuses.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        remove_half_written(path.parent)
        try:
            # Held open, and so locked, until the file has its name.
            with _create_locked(temporary) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                if overwrite:
                    os.replace(temporary, path)
                else:
                    _publish_once(temporary, path)
            _flush_directory(path.parent)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
    except FileExistsError:
        raise
    except OSError as error:
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"cannot write {path}: {error.strerror or error}",
            remedy="choose a directory that this user may write to, with space left on it",
        ) from error


def remove_half_written(directory: Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote here."""
    for path in directory.iterdir():
        if _TEMPORARY.fullmatch(path.name) and (lock := lock_if_free(path)) is not None:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(lock)


def _create_locked(path: Path) -> BinaryIO:
    """A new file with a lock, so that nobody takes it for left behind."""
    while True:
        file = path.open("xb")
        if is_locked_and_there(file.fileno(), path):
            return file
        file.close()


def _publish_once(temporary: Path, path: Path) -> None:
    """Give the file its name unless that is taken; a hard link does both in one step."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        # Without hard links there is a gap between looking and renaming; names that hold a
        # checksum make it harmless.
        if path.exists():
            raise FileExistsError(errno.EEXIST, "exists", str(path)) from None
        os.replace(temporary, path)


def _flush_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
