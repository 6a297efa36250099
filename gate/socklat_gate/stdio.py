"""Standard output and error on which no write is cut short."""

from __future__ import annotations

import io
import sys

__all__ = ["ensure_buffered_stdio"]


def ensure_buffered_stdio() -> None:
    """Puts a buffer under unbuffered standard streams; replaces what their encoding lacks.

    Under ``PYTHONUNBUFFERED`` (usual in containers and CI) Python drops the rest of a write that
    the kernel took in part: on a terminal at 2,048 bytes when a signal comes, on a pipe or a full
    disk anywhere.  A buffered stream goes on with the rest, and raises when there is no room.

    Lines still leave at once.  Streams that are no files, a test's for instance, stay as they are.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if isinstance(stream.buffer, io.RawIOBase):
            stream = open(  # noqa: SIM115 - it lasts as long as the process
                stream.fileno(),
                "w",
                buffering=1,
                encoding=stream.encoding,
                errors=stream.errors,
                closefd=False,
            )
            setattr(sys, name, stream)
        stream.reconfigure(errors="replace" if name == "stdout" else "backslashreplace")
