"""Framing of RESP2 and RESP3, the protocol of Redis and its kin.

Specification: https://redis.io/docs/latest/develop/reference/protocol-spec/.  Streamed strings
and aggregates (``$?``, ``*?``) are left out: no server sends them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.load.protocols.handshake import Handshake
from socklat_gate.load.protocols.parser import ERROR_REPLY, NO_STATUS, BadResponse, ResponseParser
from socklat_gate.load.protocols.parser_state import ParserState
from socklat_gate.load.protocols.protocol import LoadKey, LoadProtocol, OwnRequest

if TYPE_CHECKING:
    from socklat_gate.load.messages import Message
    from socklat_gate.scenario import Load
    from socklat_gate.scenario.request import Request

__all__ = ["PROTOCOL", "RespParser"]

NAME = "resp"
EXAMPLE = r"""[load]
driver = "tcp"
payload = "*1\\r\\n$4\\r\\nPING\\r\\n"
response = "resp"
"""
_KEY = r"$12\r\nsocklat:{random_int:1000:1999}"
_VALUE = "v" * 64
REDIS = Handshake(
    "RESP",
    (6379, 6380),
    b"*1\r\n$4\r\nPING\r\n",
    (b"+PONG",),
    "tcp",
    (LoadKey("response", NAME, "the end of a response, as Redis and its relatives write it"),),
    requests=(
        OwnRequest(
            "get",
            80.0,
            rf"*2\r\n$3\r\nGET\r\n{_KEY}\r\n",
            "GET of one of a thousand keys of its own",
        ),
        OwnRequest(
            "set",
            20.0,
            rf"*3\r\n$3\r\nSET\r\n{_KEY}\r\n${len(_VALUE)}\r\n{_VALUE}\r\n",
            f"SET of such a key to {len(_VALUE)} bytes",
        ),
    ),
    stand_in=False,
)

MAX_LINE = 65_536
MAX_DEPTH = 64

_LINES = frozenset(b"+-:_#,(")
_BULKS = frozenset(b"$!=")
_AGGREGATES = {ord("*"): 1, ord("~"): 1, ord(">"): 1, ord("%"): 2, ord("|"): 2}
_UNCOUNTED = frozenset(b">|")  # a push or an attribute is no reply and no element
_ERRORS = frozenset(b"-!")


class RespParser(ParserState):
    """Replies of a RESP server, nested ones and those split over chunks included.

    A top-level error reply (``-ERR ...`` or ``!``) counts as a response and as an error; pushes
    and attributes count as neither.
    """

    __slots__ = ("_begun", "_line", "_open", "_skip", "_top_error")

    def __init__(self) -> None:
        super().__init__()
        # Bytes of the reply under way that came with earlier chunks, less those of `_line`.
        self._begun = 0
        self._line = b""
        # One [values missing, counts as a value itself] for each aggregate not yet complete.
        self._open: list[list[int]] = []
        # Bytes of a bulk string still to come, its CR LF included; 0 outside of one.
        self._skip = 0
        self._top_error = ""

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of replies it completed.  Raises `BadResponse`."""
        if self._line:
            data = self._line + data
            self._line = b""
        at, end, done = 0, len(data), 0
        first = 0  # where the reply under way begins
        while at < end:
            if self._skip:
                at = self._pass_bulk(data, at)
                if self._skip:
                    break
                ended = self._value_ended()
            else:
                stop = data.find(b"\r\n", at)
                if stop < 0:
                    if end - at > MAX_LINE:
                        raise BadResponse(f"RESP: a line is longer than {MAX_LINE} bytes")
                    self._line = data[at:]
                    break
                ended = self._take_line(data[at], data[at + 1 : stop])
                at = stop + 2
            if ended:
                done += 1
                self.size, self._begun = self._begun + at - first, 0
                first = at
        self._begun += end - first - len(self._line)
        self.partial = bool(self._line or self._skip or self._open)
        return done

    def eof(self) -> int:
        """A closed connection completes nothing."""
        return 0

    def _take_line(self, kind: int, rest: bytes) -> int:
        """Number of replies (0 or 1) that this line completed."""
        if kind in _ERRORS and not self._open:
            self._top_error = rest[:200].decode("utf-8", "replace") or "error reply"
            if kind == ord("!"):
                self._top_error = "error reply"
        if kind in _LINES:
            return self._value_ended()
        if kind not in _BULKS and kind not in _AGGREGATES:
            raise BadResponse(f"RESP: no reply starts with {bytes([kind])!r}")
        size = _size(rest)
        if size < 0:
            return self._value_ended()
        if kind in _BULKS:
            self._skip = size + 2
            return 0
        counted = kind not in _UNCOUNTED
        if size == 0:
            return self._value_ended() if counted else 0
        if len(self._open) >= MAX_DEPTH:
            raise BadResponse(f"RESP: replies are nested deeper than {MAX_DEPTH}")
        self._open.append([size * _AGGREGATES[kind], counted])
        return 0

    def _pass_bulk(self, data: bytes, at: int) -> int:
        """Pass over bytes of a bulk string, checking the CR LF at its end; the new position."""
        step = min(self._skip, len(data) - at)
        left = self._skip - step
        for missing, expected in ((2, 0x0D), (1, 0x0A)):
            if left < missing <= self._skip and data[at + self._skip - missing] != expected:
                raise BadResponse("RESP: a bulk string does not end with CR LF")
        self._skip = left
        return at + step

    def _value_ended(self) -> int:
        """Number of replies (0 or 1) that a value's end completed."""
        while self._open:
            innermost = self._open[-1]
            innermost[0] -= 1
            if innermost[0]:
                return 0
            self._open.pop()
            if not innermost[1]:
                return 0
        if self._top_error:
            self.status = ERROR_REPLY
            self.fail("bad_status", self._top_error)
            self._top_error = ""
        elif self.failure:
            self.status, self.failure = NO_STATUS, ""
        return 1


def _size(text: bytes) -> int:
    """A length or count; -1 is RESP2's null."""
    digits = text[1:] if text[:1] == b"-" else text
    if not digits.isdigit() or len(digits) > 18 or (digits is not text and text != b"-1"):
        raise BadResponse(f"RESP: {text[:40]!r} is not a length")
    return int(text)


class _Resp:
    """`Framing` for ``load.response`` = ``resp``."""

    def selected_by(self, load: Load, request: Request) -> bool:
        """Whether the response is RESP."""
        return load.driver == "tcp" and request.response == NAME

    def request_bytes(self, message: Message, *_: object) -> bytes:
        """The payload."""
        return message.body

    def parser(self, request: Request, *_: object) -> ResponseParser:  # noqa: ARG002 - it has no options
        """For RESP2 and RESP3."""
        return RespParser()


PROTOCOL = LoadProtocol("RESP", EXAMPLE, _Resp(), response=NAME, detectors=(REDIS,))
