"""Standard output and error on which no write is cut short, and no secret leaves by the latter."""

from __future__ import annotations

import io
import sys

from socklat_gate.masking import mask

__all__ = ["ensure_buffered_stdio"]


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
    stderr masks secrets; stdout belongs to data, which is made of what has none.
    """
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
        buffer = open(stream.fileno(), "wb", closefd=False)  # noqa: SIM115
        text = kind(buffer, encoding=stream.encoding, errors=errors, line_buffering=True)
        setattr(sys, name, text)
