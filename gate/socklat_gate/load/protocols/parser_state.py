"""What all parsers know of the latest response; the members of `load.protocols.parser`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from socklat_gate.load.protocols.parser import NO_STATUS

if TYPE_CHECKING:
    from socklat_gate.measured.load_counts import ErrorKind

__all__ = ["ParserState"]


class ParserState:
    """See `load.protocols.parser.ResponseParser`."""

    __slots__ = ("errors", "failure", "last_error", "partial", "reusable", "size", "status")

    def __init__(self) -> None:
        self.status = NO_STATUS
        self.size = 0
        self.failure: ErrorKind | Literal[""] = ""
        self.errors = 0
        self.last_error = ""
        self.partial = False
        self.reusable = True

    def fail(self, kind: ErrorKind, text: str) -> None:
        """The latest response is a failed one."""
        self.failure = kind
        self.errors += 1
        self.last_error = text
