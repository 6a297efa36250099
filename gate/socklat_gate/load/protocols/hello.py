"""``load.hello``: what a connection begins with before its first request, such as ``AUTH``."""

from __future__ import annotations

from socklat_gate.load.protocols.parser import BadResponse, ResponseParser
from socklat_gate.load.protocols.plain import PlainRequests, PlainSession

__all__ = ["HelloSession"]


class HelloSession(PlainSession):
    """`ClientSession` that is ready once ``hello`` got its one response, framed by ``parser``."""

    __slots__ = ("_hello", "_hello_parser")

    def __init__(self, requests: PlainRequests, hello: bytes, parser: ResponseParser) -> None:
        super().__init__(requests)
        self.ready = False
        self.has_control = True
        self._hello = hello
        self._hello_parser = parser

    def control(self) -> bytes:
        """The hello, once."""
        self.has_control = False
        return self._hello

    def feed(self, data: bytes) -> int:
        """As `PlainSession`; raises `BadResponse` for a hello that is refused."""
        if self.ready:
            return super().feed(data)
        parser = self._hello_parser
        done = parser.feed(data)
        if not done:
            return 0
        if parser.failure:
            raise BadResponse(f"load.hello was refused: {parser.last_error}")
        if done > 1 or parser.partial:
            raise BadResponse("load.hello got more bytes than one response has")
        self.ready = True
        return 0
