"""WebSocket (RFC 6455): one message out, one message back; the rest is control bytes.

Messages that never change are framed and masked once.  Needs wsproto, of the extra ``websocket``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import TYPE_CHECKING

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.parser_state import ParserState

if TYPE_CHECKING:
    from socklat_gate.load.expectation import Expectation
    from socklat_gate.load.messages import Message, MessageSource

__all__ = ["WebSocketRequests", "WebSocketSession", "masked_frame"]

TEXT, BINARY = 1, 2
FINAL, MASKED = 0x80, 0x80
SHORT, MEDIUM = 126, 1 << 16
MASK = b"\x37\xfa\x21\x3d"
"""A constant is as good as any other where nothing lies between that could be misled by it."""
_MEDIUM, _LONG = Struct(">BBH"), Struct(">BBQ")
_OF_HANDSHAKE = ("host", "connection", "upgrade", "sec-websocket-key", "sec-websocket-version")


class WebSocketRequests:
    """What all connections of an arm share.

    ``binary`` and ``expected`` are by kind; ``headers`` and ``path`` are those of the handshake.
    """

    def __init__(
        self,
        source: MessageSource,
        authority: str,
        path: str,
        headers: Iterable[tuple[str, str]],
        binary: Sequence[bool],
        expected: Sequence[Expectation | None],
    ) -> None:
        self.source = source
        self.expected = expected
        self._binary = binary
        given = {name.lower(): value for name, value in headers}
        self.handshake = Request(
            host=given.get("host", authority),
            target=path,
            extra_headers=[
                (name.encode(), value.strip().encode())
                for name, value in {"user-agent": "socklat-gate", **given}.items()
                if name not in _OF_HANDSHAKE
            ],
        )
        fixed = [source.fixed(kind) for kind in range(len(expected))]
        self._fixed = [None if message is None else self._frame(message) for message in fixed]

    def frame(self, request: int) -> bytes:
        """The frame of request number ``request`` of the schedule."""
        return self._fixed[self.source.kind_of(request)] or self._frame(
            self.source.message(request)
        )

    def _frame(self, message: Message) -> bytes:
        return masked_frame(message.body, binary=self._binary[message.kind])


class WebSocketSession(ParserState):
    """See `load.protocols.session.ClientSession`.

    ``size`` is that of the message, in bytes.  A close in place of one is a failed response.
    """

    alpn: tuple[str, ...] = ("http/1.1",)

    __slots__ = (
        "_control",
        "_expected",
        "_in_flight",
        "_kept",
        "_received",
        "_requests",
        "_ws",
        "has_control",
        "ready",
    )

    def __init__(self, requests: WebSocketRequests) -> None:
        super().__init__()
        self._requests = requests
        self._ws = WSConnection(ConnectionType.CLIENT)
        self._control = self._ws.send(requests.handshake)
        self.has_control = True
        self.ready = False
        self._in_flight = False
        self._expected: Expectation | None = None
        self._kept = bytearray()
        self._received = 0

    def control(self) -> bytes:
        """The handshake, pongs, and the response to a close."""
        due, self._control = self._control, b""
        self.has_control = False
        return due

    def request(self, request: int) -> bytes:
        """The frame of one message."""
        requests = self._requests
        self._expected = requests.expected[requests.source.kind_of(request)]
        self._in_flight = True
        return requests.frame(request)

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of messages it completed.  Raises `BadResponse`."""
        done = 0
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():
                done += self._take(event)
        except (LocalProtocolError, RemoteProtocolError) as error:
            raise BadResponse(f"WebSocket: {error or 'malformed frame'}") from None
        return done

    def eof(self) -> int:
        """A closed connection completes nothing."""
        return 0

    def _take(self, event: Event) -> int:
        if isinstance(event, TextMessage | BytesMessage):
            return self._part(event)
        if isinstance(event, Ping):
            self._reply(event.response())
        elif isinstance(event, AcceptConnection):
            self.ready = True
        elif isinstance(event, RejectConnection):
            raise BadResponse(
                f"WebSocket: the handshake was refused with HTTP status {event.status_code}: check "
                "load.path and load.headers"
            )
        elif isinstance(event, CloseConnection):
            return self._closed(event)
        return 0

    def _part(self, event: TextMessage | BytesMessage) -> int:
        data = event.data.encode() if isinstance(event, TextMessage) else bytes(event.data)
        self._received += len(data)
        expected = self._expected
        if expected is not None:
            self._kept += data[: max(0, expected.kept_bytes - len(self._kept))]
        self.partial = not event.message_finished
        if self.partial:
            return 0
        self.failure = ""
        self.size, self._received = self._received, 0
        if expected is not None:
            violation = expected.size_violation(self.size) or expected.body_violation(self._kept)
            if violation:
                self.fail(*violation)
        return self._completed()

    def _closed(self, event: CloseConnection) -> int:
        self._reply(event.response())
        self.reusable = False
        if not self._in_flight:
            return 0
        reason = f" ({event.reason})" if event.reason else ""
        self.size = 0
        self.failure = ""
        self.fail("closed", f"WebSocket: closed with code {int(event.code)}{reason}")
        return self._completed()

    def _completed(self) -> int:
        self._in_flight = self.partial = False
        self._kept.clear()
        return 1

    def _reply(self, event: Event) -> None:
        self._control += self._ws.send(event)
        self.has_control = True


def masked_frame(data: bytes, *, binary: bool) -> bytes:
    """``data`` as a message of one frame."""
    first = FINAL | (BINARY if binary else TEXT)
    length = len(data)
    if length < SHORT:
        head = bytes([first, MASKED | length])
    elif length < MEDIUM:
        head = _MEDIUM.pack(first, MASKED | SHORT, length)
    else:
        head = _LONG.pack(first, MASKED | SHORT + 1, length)
    mask = (MASK * (length // len(MASK) + 1))[:length]
    number = int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")
    return head + MASK + number.to_bytes(length, "big")
