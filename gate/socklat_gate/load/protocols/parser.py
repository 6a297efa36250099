"""Where one response ends: the interface of all parsers.

No parser keeps a response's body, so their memory does not grow with the responses; what they do
keep (a line, a header block) is bounded, and more is a `BadResponse`.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["BadResponse", "ResponseParser"]


class BadResponse(Exception):
    """The bytes are not a response of this protocol; the connection cannot be used any further."""


class ResponseParser(Protocol):
    """Incremental framing of the responses on one connection.

    ``errors`` counts completed responses that report a failure and ``last_error`` is the text of
    the latest; ``partial`` is true while bytes of an unfinished response are held; ``reusable``
    turns false when the server announced that it closes the connection.
    """

    errors: int
    last_error: str
    partial: bool
    reusable: bool

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed.  Raises `BadResponse`."""

    def eof(self) -> int:
        """The server closed: the number of responses that this completed (0 or 1)."""
