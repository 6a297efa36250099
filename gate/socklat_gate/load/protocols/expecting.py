"""A parser of driver ``tcp`` that holds each response against ``load.expect``."""

from __future__ import annotations

from socklat_gate.load.expectation import Expectation
from socklat_gate.load.protocols.parser import ResponseParser
from socklat_gate.load.protocols.parser_state import ParserState

__all__ = ["ExpectingParser"]


class ExpectingParser(ParserState):
    """What ``framing`` says of the responses, and whether they begin and are as long as expected.

    Rests on one request in flight: a chunk that completes a response ends with it.  An error reply
    that begins as expected is no failure.
    """

    __slots__ = ("_beginning", "_expected", "_framing")

    def __init__(self, framing: ResponseParser, expected: Expectation) -> None:
        super().__init__()
        self._framing = framing
        self._expected = expected
        self._beginning = bytearray()

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed.  Raises `BadResponse`."""
        framing, expected = self._framing, self._expected
        missing = len(expected.prefix) - len(self._beginning)
        if missing > 0:
            self._beginning += data[:missing]
        done = framing.feed(data)
        self.partial, self.reusable = framing.partial, framing.reusable
        if done:
            self.status, self.size, self.failure = framing.status, framing.size, ""
            violation = expected.prefix_violation(self._beginning)
            if framing.failure and (violation or not expected.prefix):
                self.fail(framing.failure, framing.last_error)
            elif violation := violation or expected.size_violation(self.size):
                self.fail(*violation)
            self._beginning.clear()
        return done

    def eof(self) -> int:
        """As the framing has it."""
        return self._framing.eof()
