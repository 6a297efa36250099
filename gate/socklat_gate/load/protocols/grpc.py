"""Unary calls of gRPC over HTTP/2: one message out, one back, the status in the trailers.

Specification: "gRPC over HTTP2" in the documentation of gRPC's core.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from socklat_gate.load.protocols.http2 import Http2Session
from socklat_gate.load.protocols.http2_requests import Write, http2_fields
from socklat_gate.load.protocols.parser import GRPC_STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from socklat_gate.load.expectation import Expectation, Violation
    from socklat_gate.load.messages import Message
    from socklat_gate.load.protocols.http2_head import Head
    from socklat_gate.load.protocols.http2_requests import Fields

__all__ = [
    "PREFIX",
    "STATUS_NAMES",
    "GrpcSession",
    "call_kept_bytes",
    "call_outcome",
    "judge_call",
    "write_grpc",
]

PREFIX = Struct(">BI")
"""Of each message: whether it is compressed, and its length."""
HTTP_OK = 200
MAX_STATUS = 16
NO_CODE = -1
_CODE = re.compile(r"[0-9]{1,2}")
STATUS_NAMES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
_USUAL = (
    ("te", "trailers"),
    ("content-type", "application/grpc"),
    ("user-agent", "socklat-gate"),
)


class GrpcSession(Http2Session):
    """``size`` is that of the response's message, without the five bytes before it."""

    __slots__ = ()

    def _kept_bytes(self, expected: Expectation | None) -> int:
        return call_kept_bytes(expected)

    def _judge(self, head: Head, trailers: Head | None) -> None:
        self.status, self.size, violation = judge_call(
            self._expected, head, trailers, self.size, self._kept
        )
        if violation:
            self.fail(*violation)


def call_kept_bytes(expected: Expectation | None) -> int:
    """How much of a response's beginning `judge_call` needs."""
    return PREFIX.size + (expected.kept_bytes if expected is not None else 0)


def judge_call(
    expected: Expectation | None,
    head: Head,
    trailers: Head | None,
    length: int,
    beginning: bytes | bytearray,
) -> tuple[int, int, Violation | None]:
    """Status, size of the message in bytes, and how a call fails, whose body had ``length`` bytes.

    ``beginning`` are the first `call_kept_bytes` of it.
    """
    size = max(0, length - PREFIX.size)
    code, text = call_outcome(head, trailers)
    status = head.status if code == NO_CODE else GRPC_STATUS + code
    if text:
        has_status = code != NO_CODE or head.status != HTTP_OK
        return status, size, ("bad_status" if has_status else "protocol", text)
    if length < PREFIX.size or PREFIX.unpack_from(beginning)[1] != size:
        problem = f"gRPC: {length} bytes came, which are not one whole message"
        return status, size, ("protocol", problem)
    if expected is None:
        return status, size, None
    violation = expected.size_violation(size) or expected.body_violation(beginning[PREFIX.size :])
    return status, size, violation


def call_outcome(head: Head, trailers: Head | None) -> tuple[int, str]:
    """grpc-status (`NO_CODE` without one) and what went wrong ("": nothing) in a call."""
    if head.status != HTTP_OK:
        return NO_CODE, f"HTTP status {head.status}"
    # Without trailers the head is all there is: "Trailers-Only".
    fields = (trailers or head).fields
    shown = fields.get(b"grpc-status", b"").decode("latin-1")
    if not _CODE.fullmatch(shown) or int(shown) > MAX_STATUS:
        return NO_CODE, f"gRPC: the response ends with grpc-status {shown!r}"
    code = int(shown)
    if not code:
        return 0, ""
    text = unquote_to_bytes(fields.get(b"grpc-message", b"")).decode("utf-8", "replace")
    return code, f"grpc-status {code} ({STATUS_NAMES[code]}){': ' if text else ''}{text}"


def write_grpc(scheme: str, authority: str, encode: Callable[[Message], bytes]) -> Write:
    """For driver ``grpc``: ``encode`` has a message's body as protobuf."""

    def write(message: Message) -> tuple[Fields, bytes]:
        data = encode(message)
        fields = http2_fields(message, scheme, authority, _USUAL)
        fields[0] = (":method", "POST")  # the first of them, and the only one that gRPC knows
        return fields, PREFIX.pack(0, len(data)) + data

    return write
