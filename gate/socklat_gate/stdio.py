"""Standard output and error on which no write is cut short, and no secret leaves by the latter."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from socklat_gate.masking import mask

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["ensure_buffered_stdio"]

NAMES = ("stdin", "stdout", "stderr")


class _Messages(io.FileIO):
    """A descriptor for what is said of the work, which a full disk there must not end."""

    _gone = False

    def write(self, data: ReadableBuffer, /) -> int:
        """As of a file; what the system refuses is lost.

        That its reader went away is raised once: what is left then would fail again at the end of
        the process, and change its exit code.
        """
        try:
            return super().write(data)
        except OSError as error:
            if isinstance(error, BrokenPipeError) and not self._gone:
                self._gone = True
                raise
            return memoryview(data).nbytes


class _MaskedText(io.TextIOWrapper):
    """Writes texts without registered secrets: errors, progress, logs, tracebacks."""

    def write(self, text: str) -> int:
        """As a stream that was given the masked text; the length is that of the one given."""
        super().write(mask(text))
        return len(text)


def ensure_buffered_stdio() -> None:
    """Puts a buffer under unbuffered standard streams; replaces what their encoding lacks.

    Under ``PYTHONUNBUFFERED`` (usual in containers and CI) Python drops the rest of a write that
    the kernel took in part: on a terminal at 2,048 bytes when a signal comes, on a pipe or a full
    disk anywhere.  A buffered stream goes on with the rest, and raises when there is no room.

    Lines still leave at once.  Streams that are no files, a test's for instance, stay as they are.
    stderr masks secrets; stdout belongs to data, which is made of what has none.  A full disk is an
    error on stdout, and on stderr none.  A stream that was closed from the start takes all that is
    written: else the next file that is opened would get its number, and messages meant for it.
    """
    _open_closed()
    # A terminal that nobody looks at, of `docker run -t` say, has none: all would be cut away.
    for name in ("COLUMNS", "LINES"):
        if os.environ.get(name, "").strip("0") == "":
            os.environ.pop(name, None)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        errors = "replace" if name == "stdout" else "backslashreplace"
        raw = isinstance(stream.buffer, io.RawIOBase)
        buffered = isinstance(stream.buffer, io.BufferedWriter)
        if not raw and (name == "stdout" or not buffered):
            stream.reconfigure(errors=errors)
            continue
        stream.flush()
        kind = io.TextIOWrapper if name == "stdout" else _MaskedText
        # It lasts as long as the process.
        file = io.FileIO if name == "stdout" else _Messages
        buffer = io.BufferedWriter(file(stream.fileno(), "wb", closefd=False))
        text = kind(buffer, encoding=stream.encoding, errors=errors, line_buffering=True)
        setattr(sys, name, text)


def _open_closed() -> None:
    for number, name in enumerate(NAMES):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free: this one.
            opened = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(opened, True)
            if number:
                setattr(sys, name, open(opened, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
