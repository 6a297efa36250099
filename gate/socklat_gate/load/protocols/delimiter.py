"""Responses that end with given bytes: memcached and other protocols of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.load.protocols.handshake import Handshake
from socklat_gate.load.protocols.parser import ResponseParser
from socklat_gate.load.protocols.parser_state import ParserState
from socklat_gate.load.protocols.protocol import LoadKey, LoadProtocol, OwnRequest
from socklat_gate.scenario.payload import parse_payload

if TYPE_CHECKING:
    from socklat_gate.load.messages import Message
    from socklat_gate.scenario import Load
    from socklat_gate.scenario.request import Request

__all__ = ["PROTOCOL", "DelimiterParser"]

PREFIX = "until:"
EXAMPLE = r"""[load]
driver = "tcp"
payload = "get socklat\\r\\n"
response = "until:END\\r\\n"
"""
_KEY = "socklat:{random_int:1:1000}"
_VALUE = "v" * 64
MEMCACHED = Handshake(
    "memcached",
    (11211,),
    b"version\r\n",
    (b"VERSION ",),
    "tcp",
    (LoadKey("response", r"until:END\r\n", "the end of a response"),),
    requests=(
        OwnRequest("get", 80.0, rf"get {_KEY}\r\n", "get of one of a thousand keys of its own"),
        OwnRequest(
            "set",
            20.0,
            rf"set {_KEY} 0 0 {len(_VALUE)}\r\n{_VALUE}\r\n",
            f"set of such a key to {len(_VALUE)} bytes",
            response=r"until:\r\n",
        ),
    ),
    stand_in=False,
)


class DelimiterParser(ParserState):
    """Responses that end with ``delimiter``."""

    __slots__ = ("_begun", "_delimiter", "_tail")

    def __init__(self, delimiter: bytes) -> None:
        super().__init__()
        self._delimiter = delimiter
        self._tail = b""
        # Bytes of the response under way that are not in the tail any more.
        self._begun = 0

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed."""
        delimiter = self._delimiter
        data = self._tail + data
        done = at = 0
        while (hit := data.find(delimiter, at)) >= 0:
            done += 1
            end = hit + len(delimiter)
            self.size, self._begun = self._begun + end - at, 0
            at = end
        if at < len(data):
            self.partial = True
        elif done:
            self.partial = False
        # A delimiter split over two chunks is found through the last bytes of the first.
        keep = min(len(delimiter) - 1, len(data) - at)
        self._begun += len(data) - at - keep
        self._tail = data[len(data) - keep :]
        return done

    def eof(self) -> int:
        """A closed connection completes nothing."""
        return 0


class _Delimiter:
    """`Framing` for ``load.response`` = ``until:DELIMITER``."""

    def selected_by(self, load: Load, request: Request) -> bool:
        """Whether the response has a delimiter."""
        return (
            load.driver == "tcp"
            and isinstance(request.response, str)
            and request.response.startswith(PREFIX)
        )

    def request_bytes(self, message: Message, *_: object) -> bytes:
        """The payload."""
        return message.body

    def parser(self, request: Request, *_: object) -> ResponseParser:
        """For responses that end with the delimiter."""
        assert isinstance(request.response, str), "selected_by checks it"
        return DelimiterParser(parse_payload(request.response.removeprefix(PREFIX)))


PROTOCOL = LoadProtocol("delimiter", EXAMPLE, _Delimiter(), detectors=(MEMCACHED,))
