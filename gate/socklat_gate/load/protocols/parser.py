"""Where one response ends: the interface, and framing by length and by delimiter.

No parser keeps a response's body, so their memory does not grow with the responses; what they do
keep (a line, a header block) is bounded, and more is a `BadResponse`.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["BadResponse", "DelimiterParser", "LengthParser", "ResponseParser"]


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


class LengthParser:
    """Responses of a fixed length in bytes."""

    __slots__ = ("_have", "_length", "errors", "last_error", "partial", "reusable")

    def __init__(self, length: int) -> None:
        self._length = length
        self._have = 0
        self.errors = 0
        self.last_error = ""
        self.partial = False
        self.reusable = True

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed."""
        done, self._have = divmod(self._have + len(data), self._length)
        self.partial = self._have > 0
        return done

    def eof(self) -> int:
        """A closed connection completes nothing."""
        return 0


class DelimiterParser:
    """Responses that end with ``delimiter``."""

    __slots__ = ("_delimiter", "_tail", "errors", "last_error", "partial", "reusable")

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._tail = b""
        self.errors = 0
        self.last_error = ""
        self.partial = False
        self.reusable = True

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed."""
        delimiter = self._delimiter
        data = self._tail + data
        done = at = 0
        while (hit := data.find(delimiter, at)) >= 0:
            done += 1
            at = hit + len(delimiter)
        if at < len(data):
            self.partial = True
        elif done:
            self.partial = False
        # A delimiter split over two chunks is found through the last bytes of the first.
        keep = min(len(delimiter) - 1, len(data) - at)
        self._tail = data[len(data) - keep :]
        return done

    def eof(self) -> int:
        """A closed connection completes nothing."""
        return 0
