"""Responses of a fixed length in bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.load.protocols.parser import ResponseParser
from socklat_gate.load.protocols.parser_state import ParserState
from socklat_gate.load.protocols.protocol import LoadProtocol

if TYPE_CHECKING:
    from socklat_gate.load.messages import Message
    from socklat_gate.scenario import Load
    from socklat_gate.scenario.request import Request

__all__ = ["PROTOCOL", "LengthParser"]

EXAMPLE = r"""[load]
driver = "tcp"
payload = "\\x00\\x01"
response = 8
"""


class LengthParser(ParserState):
    """Responses of a fixed length in bytes."""

    __slots__ = ("_have", "_length")

    def __init__(self, length: int) -> None:
        super().__init__()
        self._length = self.size = length
        self._have = 0

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed."""
        done, self._have = divmod(self._have + len(data), self._length)
        self.partial = self._have > 0
        return done

    def eof(self) -> int:
        """A closed connection completes nothing."""
        return 0


class _Length:
    """`Framing` for ``load.response`` = a number of bytes."""

    def selected_by(self, load: Load, request: Request) -> bool:
        """Whether the response is a length."""
        return load.driver == "tcp" and isinstance(request.response, int)

    def request_bytes(self, message: Message, *_: object) -> bytes:
        """The payload."""
        return message.body

    def parser(self, request: Request, *_: object) -> ResponseParser:
        """For responses of so many bytes."""
        assert isinstance(request.response, int), "selected_by checks it"
        return LengthParser(request.response)


PROTOCOL = LoadProtocol("length", EXAMPLE, _Length())
