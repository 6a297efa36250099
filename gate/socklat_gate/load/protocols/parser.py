"""Where one response ends, and what it was: the interface of all parsers.

No parser keeps a response's body, so their memory does not grow with the responses; what they do
keep (a line, a header block, the beginning of a body in which something is expected) is bounded,
and more is a `BadResponse`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from socklat_gate.measured.load_counts import ErrorKind

__all__ = [
    "ERROR_REPLY",
    "GRPC_STATUS",
    "NO_STATUS",
    "BadResponse",
    "ResponseParser",
    "status_text",
]

NO_STATUS = 0
"""Status of a response whose protocol has none."""
ERROR_REPLY = 1
"""Status of a response that reports an error, and nothing more that could be counted by."""
GRPC_STATUS = 1000
"""gRPC's statuses are counted from here on, out of the way of those of HTTP."""

_TEXTS = {NO_STATUS: "", ERROR_REPLY: "-"}


def status_text(status: int) -> str:
    """A status as results count it."""
    if status in _TEXTS:
        return _TEXTS[status]
    return str(status - GRPC_STATUS if status >= GRPC_STATUS else status)


class BadResponse(Exception):
    """The bytes are not a response of this protocol; the connection cannot be used any further."""


class ResponseParser(Protocol):
    """Incremental framing of the responses on one connection.

    Of the latest complete response, ``status`` is its number (HTTP's, else `NO_STATUS` or
    `ERROR_REPLY`), ``size`` its bytes (of HTTP those of the body, without the framing of chunks),
    ``failure`` how it fails ("" if it does not) and ``last_error`` the text to that; ``errors``
    counts those that failed.  ``partial`` is true while bytes of an unfinished response are held;
    ``reusable`` turns false when the server announced that it closes the connection.
    """

    status: int
    size: int
    failure: ErrorKind | Literal[""]
    errors: int
    last_error: str
    partial: bool
    reusable: bool

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed.  Raises `BadResponse`."""

    def eof(self) -> int:
        """The server closed: the number of responses that this completed (0 or 1)."""
