"""Frames of HTTP/2 as a client sends them (RFC 9113), requests prepared once for each kind.

Header blocks are stateless (RFC 7541): fields of the static table and literals without indexing,
so that one block serves on every connection and only the stream's number is patched into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct

__all__ = [
    "ACK",
    "CONTINUATION",
    "DATA",
    "END_HEADERS",
    "END_STREAM",
    "FRAME_HEAD",
    "FRAME_HEAD_BYTES",
    "GOAWAY",
    "HEADERS",
    "MAX_FRAME",
    "MAX_STREAM",
    "MAX_WINDOW",
    "PADDED",
    "PING",
    "PREFACE",
    "PRIORITY",
    "PRIORITY_FLAG",
    "PUSH_PROMISE",
    "RST_STREAM",
    "SETTINGS",
    "USUAL_WINDOW",
    "WINDOW_UPDATE",
    "RequestFrames",
    "data_frames",
    "error_name",
    "frame",
    "header_block",
    "request_frames",
    "reset",
    "window_update",
]

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 5, 6, 7, 8, 9
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITY_FLAG = 0x4, 0x8, 0x20

FRAME_HEAD = Struct(">IBI")
"""Length << 8 | type, flags, stream."""
FRAME_HEAD_BYTES = FRAME_HEAD.size
STREAM_AT = 5
_NUMBER = Struct(">I")
MAX_FRAME = 16_384
"""Payload bytes of a frame that every side takes, and that nobody may exceed unasked."""
MAX_STREAM = MAX_WINDOW = (1 << 31) - 1
USUAL_WINDOW = 65_535
CANCEL = 8
ERROR_NAMES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)
SHRINK_TABLE = b"\x20"
"""A block that begins so sets the size of the server's decoding table to 0."""

_INDEXED = {
    (":method", "GET"): 2,
    (":method", "POST"): 3,
    (":path", "/"): 4,
    (":scheme", "http"): 6,
    (":scheme", "https"): 7,
}
_NAMES = {
    ":authority": 1,
    ":method": 2,
    ":path": 4,
    ":scheme": 6,
    "accept-encoding": 16,
    "accept-language": 17,
    "accept": 19,
    "authorization": 23,
    "cache-control": 24,
    "content-encoding": 26,
    "content-length": 28,
    "content-type": 31,
    "cookie": 32,
    "user-agent": 58,
}
_INDEXED_FIELD, _STRING_BITS, _NAME_BITS = 0x80, 7, 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return FRAME_HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def window_update(increment: int) -> bytes:
    """The server may send ``increment`` bytes more on the connection."""
    return frame(WINDOW_UPDATE, 0, 0, _NUMBER.pack(increment))


def reset(stream: int) -> bytes:
    """No more of ``stream`` is wanted or sent."""
    return frame(RST_STREAM, 0, stream, _NUMBER.pack(CANCEL))


def _settings(values: Iterable[tuple[int, int]]) -> bytes:
    pair = Struct(">HI")
    return frame(SETTINGS, 0, 0, b"".join(pair.pack(key, value) for key, value in values))


_ENABLE_PUSH, _INITIAL_WINDOW_SIZE = 2, 4
PREFACE = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + _settings([(_ENABLE_PUSH, 0), (_INITIAL_WINDOW_SIZE, MAX_WINDOW)])
    + window_update(MAX_WINDOW - USUAL_WINDOW)
)
"""What a client says first: no pushes, and windows so large that updates are seldom needed."""


def error_name(code: int) -> str:
    """The name of an error code."""
    return ERROR_NAMES[code] if code < len(ERROR_NAMES) else f"error {code}"


def _integer(value: int, bits: int, pattern: int) -> bytes:
    """RFC 7541, 5.1."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([pattern | value])
    out = bytearray([pattern | limit])
    value -= limit
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _string(text: str) -> bytes:
    data = text.encode()
    return _integer(len(data), _STRING_BITS, 0) + data


def header_block(fields: Iterable[tuple[str, str]]) -> bytes:
    """``fields``, with names in lower case, so that no decoder needs to remember anything."""
    out = bytearray()
    for name, value in fields:
        index = _INDEXED.get((name, value))
        if index is not None:
            out.append(_INDEXED_FIELD | index)
            continue
        known = _NAMES.get(name)
        out += _integer(known, _NAME_BITS, 0) if known else b"\0" + _string(name)
        out += _string(value)
    return bytes(out)


def data_frames(stream: int, body: bytes, *, end: bool) -> bytes:
    """``body``, which is not empty, in frames; ``end``: it is all that is left."""
    starts = range(0, len(body), MAX_FRAME)
    return b"".join(
        frame(
            DATA, END_STREAM if end and at == starts[-1] else 0, stream, body[at : at + MAX_FRAME]
        )
        for at in starts
    )


@dataclass(frozen=True, slots=True)
class RequestFrames:
    """All frames of a request, ``body`` included; those before ``head_bytes`` are its headers."""

    template: bytearray
    stream_ids_at: Sequence[int]
    head_bytes: int
    body: bytes

    def on(self, stream: int) -> bytes:
        """The request's bytes on ``stream``."""
        template = self.template
        for at in self.stream_ids_at:
            _NUMBER.pack_into(template, at, stream)
        return bytes(template)


def request_frames(
    fields: Iterable[tuple[str, str]], body: bytes, *, shrink_table: bool = False
) -> RequestFrames:
    """A request of ``fields``, pseudo-headers first.

    ``shrink_table``: the server asked for a smaller decoding table, which the block confirms.
    """
    block = (SHRINK_TABLE if shrink_table else b"") + header_block(fields)
    parts = [block[at : at + MAX_FRAME] for at in range(0, len(block), MAX_FRAME)]
    template = bytearray()
    for number, part in enumerate(parts):
        flags = END_HEADERS if number == len(parts) - 1 else 0
        if number == 0:
            template += frame(HEADERS, flags | (0 if body else END_STREAM), 0, part)
        else:
            template += frame(CONTINUATION, flags, 0, part)
    head_bytes = len(template)
    if body:
        template += data_frames(0, body, end=True)
    stream_ids_at = []
    at = 0
    while at < len(template):
        stream_ids_at.append(at + STREAM_AT)
        at += FRAME_HEAD_BYTES + (FRAME_HEAD.unpack_from(template, at)[0] >> 8)
    return RequestFrames(template, tuple(stream_ids_at), head_bytes, body)
