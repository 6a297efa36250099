"""Stored bytes from a file, and how a damaged document is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NoReturn

from socklat_gate.errors import NoUsableBaseline, Reason

__all__ = ["RESULT_FILE", "VERIFY", "read_bounded", "refuse_document"]

RESULT_FILE = "result.json"
"""The stored result in a directory of reports."""

VERIFY = "run `socklat-gate baseline verify`, then restore or remove what it names"
RESTORE = "restore the file from where it was saved, or measure and save it again"


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """The content of a regular file of at most ``most_bytes``.

    Raises `NoUsableBaseline`: baseline_missing when it cannot be read, baseline_corrupt when it is
    larger or no regular file.
    """
    try:
        # Opening a named pipe would otherwise wait for a writer for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                refuse_document(str(path), "is not a regular file")
            if found.st_size > most_bytes:
                refuse_document(str(path), f"is larger than {most_bytes} bytes")
            data = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise NoUsableBaseline(
            Reason.BASELINE_MISSING,
            f"cannot read {path}: {why}",
            remedy="check the path and its permissions",
        ) from error
    if len(data) > most_bytes:
        refuse_document(str(path), f"is larger than {most_bytes} bytes")
    return data


def refuse_document(where: str, what: str, reason: Reason = Reason.BASELINE_CORRUPT) -> NoReturn:
    """Refuse what is stored at ``where``; ``what`` follows its name in the message."""
    raise NoUsableBaseline(reason, f"{where} {what}", remedy=RESTORE)
