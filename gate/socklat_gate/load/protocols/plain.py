"""Protocols whose requests are bytes and whose responses have an end: no control bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from socklat_gate.load.byte_pattern import Write, byte_pattern
from socklat_gate.load.protocols.parser import ResponseParser
from socklat_gate.load.protocols.parser_state import ParserState

if TYPE_CHECKING:
    from socklat_gate.load.messages import MessageSource
    from socklat_gate.scenario.request import Request

__all__ = ["PlainRequests", "PlainSession"]


class PlainRequests:
    """What all connections of an arm share: the requests of ``source`` as ``write`` writes them.

    ``make_parser`` makes one for the responses to a request; those that are framed and expected
    alike share one.
    """

    def __init__(
        self, source: MessageSource, write: Write, make_parser: Callable[[Request], ResponseParser]
    ) -> None:
        self.kind_of = source.kind_of
        self.parser_of: list[int] = []
        seen: list[tuple[object, ...]] = []
        self.makers: list[Callable[[], ResponseParser]] = []
        for request in source.requests:
            alike = (request.response, request.method == "HEAD", request.expect)
            if alike not in seen:
                seen.append(alike)
                self.makers.append(partial(make_parser, request))
            self.parser_of.append(seen.index(alike))
        self.fixed: dict[int, bytes] = {}
        self.filled: dict[int, Callable[[int], bytes]] = {}
        for kind in range(len(source.requests)):
            message = source.fixed(kind)
            if message is not None:
                self.fixed[kind] = write(message, None)
            else:
                self.filled[kind] = byte_pattern(source, kind, write)


class PlainSession(ParserState):
    """`ClientSession` of one connection, ready from the start."""

    __slots__ = ("_parser", "_parsers", "_requests", "has_control", "ready")

    def __init__(self, requests: PlainRequests) -> None:
        super().__init__()
        self.ready = True
        self.has_control = False
        self._requests = requests
        self._parsers: list[ResponseParser | None] = [None] * len(requests.makers)
        self._parser = self._parsers[0] = requests.makers[0]()

    def control(self) -> bytes:
        """There are none."""
        return b""

    def request(self, request: int) -> bytes:
        """The bytes of request number ``request``; responses are now framed as its kind's."""
        requests = self._requests
        kind = requests.kind_of(request)
        at = requests.parser_of[kind]
        parser = self._parsers[at]
        if parser is None:
            parser = self._parsers[at] = requests.makers[at]()
        self._parser = parser
        fixed = requests.fixed.get(kind)
        return requests.filled[kind](request) if fixed is None else fixed

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed.  Raises `BadResponse`."""
        parser = self._parser
        done = parser.feed(data)
        self.partial = parser.partial
        if done:
            self._take(parser)
        return done

    def eof(self) -> int:
        """As the parser has it."""
        done = self._parser.eof()
        self._take(self._parser)
        return done

    def _take(self, parser: ResponseParser) -> None:
        self.status, self.size, self.reusable = parser.status, parser.size, parser.reusable
        self.failure, self.last_error = parser.failure, parser.last_error
        self.partial, self.errors = parser.partial, parser.errors
