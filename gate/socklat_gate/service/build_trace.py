"""What BuildKit says of a build's progress, in Protocol Buffers: its steps and their output.

Of ``moby.buildkit.v1.StatusResponse`` only what is shown: ``vertexes`` (1) with ``name`` (3),
``started`` (5) and ``cached`` (4), ``logs`` (3) with ``msg`` (4).
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["trace_lines"]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
WIDTHS = {FIXED64: 8, FIXED32: 4}
VERTEX, LOG = 1, 3
NAME, CACHED, STARTED, COMPLETED, MESSAGE = 3, 4, 5, 6, 4


def trace_lines(data: bytes) -> list[str]:
    """Lines to show of one message.  Raises `ValueError` for what is none."""
    lines: list[str] = []
    for field, value in _fields(data):
        inner = dict(_fields(value)) if isinstance(value, bytes) else {}
        if field == VERTEX and STARTED in inner and COMPLETED not in inner:
            lines.append(_text(inner.get(NAME)))
        elif field == LOG:
            lines += _text(inner.get(MESSAGE)).splitlines()
    return lines


def _text(value: int | bytes | None) -> str:
    return value.decode(errors="replace").rstrip() if isinstance(value, bytes) else ""


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        field, kind = tag >> 3, tag & 7
        if kind == VARINT:
            number, at = _varint(data, at)
            yield field, number
            continue
        length, at = _varint(data, at) if kind == BYTES else (WIDTHS.get(kind), at)
        if length is None or at + length > len(data):
            raise ValueError("no message of BuildKit")
        yield field, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("no message of BuildKit")
