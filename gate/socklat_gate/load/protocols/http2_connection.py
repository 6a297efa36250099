"""What of HTTP/2 (RFC 9113) is of the connection: the preface, settings, pings and windows."""

from __future__ import annotations

from struct import Struct

from socklat_gate.load.protocols import http2_frames as h2
from socklat_gate.load.protocols.http2_blocks import HeaderBlocks
from socklat_gate.load.protocols.http2_head import Head
from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.parser_state import ParserState

__all__ = ["Http2Connection", "number_of"]

REFILL_BYTES = 1 << 30
"""So much is received before the server's window is filled up again."""
_SETTING, _NUMBER, _GOAWAY = Struct(">HI"), Struct(">I"), Struct(">II")
_HEADER_TABLE_SIZE, _MAX_CONCURRENT_STREAMS, _INITIAL_WINDOW_SIZE = 1, 3, 4
_USUAL_TABLE = 4096
_PING_BYTES = 8


class Http2Connection(ParserState):
    """Reads frames, answers those of the connection, and hands on those of streams.

    ``ready`` once the server's SETTINGS came and ours are acknowledged, while it takes streams.
    """

    __slots__ = (
        "_acked",
        "_blocks",
        "_control",
        "_greeted",
        "_held",
        "_received",
        "_shrink_table",
        "has_control",
        "ready",
    )

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self.has_control = True
        self._control = bytearray(h2.PREFACE)
        self._greeted = self._acked = False
        self._held = b""
        self._blocks = HeaderBlocks()
        self._shrink_table = False
        # Bytes that came since the server's window was filled up.
        self._received = 0

    def control(self) -> bytes:
        """What is due: the preface, acknowledgements, the rest of a body."""
        due = bytes(self._control)
        self._control.clear()
        self.has_control = False
        return due

    def feed(self, data: bytes) -> int:
        """Take what arrived; the number of responses it completed.  Raises `BadResponse`."""
        if self._held:
            data = self._held + data
            self._held = b""
        at, end, done = 0, len(data), 0
        while end - at >= h2.FRAME_HEAD_BYTES:
            size_and_kind, flags, stream = h2.FRAME_HEAD.unpack_from(data, at)
            length, kind = size_and_kind >> 8, size_and_kind & 0xFF
            if not self._greeted:
                self._greet(kind, data)
            if length > h2.MAX_FRAME:
                raise BadResponse(f"HTTP/2: a frame of {length} bytes, above {h2.MAX_FRAME}")
            start = at + h2.FRAME_HEAD_BYTES
            if start + length > end:
                break
            at = start + length
            done += self._frame(kind, flags, stream & h2.MAX_STREAM, data[start:at])
        if at < end:
            self._held = data[at:]
        return done

    def eof(self) -> int:
        """A closed connection completes nothing."""
        return 0

    def _greet(self, kind: int, data: bytes) -> None:
        if data.startswith(b"HTTP/"):
            raise BadResponse(
                'HTTP/2: the service speaks HTTP/1.1 here: set load.http = "1.1", or let it accept '
                "HTTP/2 with prior knowledge (h2c)"
            )
        if kind != h2.SETTINGS:
            raise BadResponse("HTTP/2: the service does not begin with its SETTINGS")
        self._greeted = True

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> int:
        """Number of responses (0 or 1) that this frame completed."""
        if self._blocks.unfinished and kind != h2.CONTINUATION:
            raise BadResponse("HTTP/2: a header block is interrupted")
        if kind == h2.DATA:
            self._received += len(payload)
            if self._received >= REFILL_BYTES:
                self._reply(h2.window_update(self._received))
                self._received = 0
            return self._on_data(flags, stream, payload)
        if kind in {h2.HEADERS, h2.CONTINUATION}:
            head = self._blocks.take(kind, flags, stream, payload)
            return 0 if head is None else self._on_head(stream, head)
        if kind == h2.RST_STREAM:
            return self._on_reset(stream, payload)
        if kind == h2.GOAWAY:
            return self._on_goaway(payload)
        if kind == h2.PUSH_PROMISE:
            raise BadResponse("HTTP/2: a push, which our SETTINGS rule out")
        if kind == h2.SETTINGS:
            self._on_settings(flags, payload)
        elif kind == h2.PING:
            self._on_ping(flags, payload)
        elif kind == h2.WINDOW_UPDATE:
            self._on_window_update(stream, payload)
        return 0  # frames of unknown kinds mean nothing

    def _on_data(self, flags: int, stream: int, payload: bytes) -> int:
        raise NotImplementedError

    def _on_head(self, stream: int, head: Head) -> int:
        raise NotImplementedError

    def _on_reset(self, stream: int, payload: bytes) -> int:
        raise NotImplementedError

    def _leave_out(self, after: int, text: str) -> int:
        """The server processes no stream above ``after``; the number of requests that this ends."""
        raise NotImplementedError

    def _on_window_update(self, stream: int, payload: bytes) -> None:
        raise NotImplementedError

    def _set_initial_window(self, size: int) -> None:
        """The server's SETTINGS: of every stream, those in flight included."""
        raise NotImplementedError

    def _set_max_streams(self, most: int) -> None:
        """The server's SETTINGS."""
        raise NotImplementedError

    def _may_open(self) -> bool:
        """Whether the server takes streams at all."""
        raise NotImplementedError

    def _send_waiting(self) -> None:
        """A window may have grown: send what waits for it."""
        raise NotImplementedError

    def _reply(self, data: bytes) -> None:
        self._control += data
        self.has_control = True

    def _on_goaway(self, payload: bytes) -> int:
        if len(payload) < _GOAWAY.size:
            raise BadResponse("HTTP/2: a GOAWAY is too short")
        last, code = _GOAWAY.unpack_from(payload)
        self.reusable = False
        return self._leave_out(
            last & h2.MAX_STREAM, f"HTTP/2: GOAWAY {h2.error_name(code)} before it"
        )

    def _on_settings(self, flags: int, payload: bytes) -> None:
        if flags & h2.ACK:
            self._acked = True
        else:
            if len(payload) % _SETTING.size:
                raise BadResponse("HTTP/2: SETTINGS of a wrong length")
            for key, value in _SETTING.iter_unpack(payload):
                if key == _INITIAL_WINDOW_SIZE:
                    self._set_initial_window(value)
                elif key == _HEADER_TABLE_SIZE:
                    self._shrink_table = self._shrink_table or value < _USUAL_TABLE
                elif key == _MAX_CONCURRENT_STREAMS:
                    self._set_max_streams(value)
            self._reply(h2.frame(h2.SETTINGS, h2.ACK, 0))
            self._send_waiting()
        may_open = self._may_open()
        if self.ready and not may_open:
            self.reusable = False  # as a GOAWAY
        self.ready = self._acked and may_open

    def _on_ping(self, flags: int, payload: bytes) -> None:
        if len(payload) != _PING_BYTES:
            raise BadResponse(f"HTTP/2: a PING is not {_PING_BYTES} bytes long")
        if not flags & h2.ACK:
            self._reply(h2.frame(h2.PING, h2.ACK, 0, payload))


def number_of(payload: bytes) -> int:
    """The payload of a frame that is one number.  Raises `BadResponse`."""
    if len(payload) != _NUMBER.size:
        raise BadResponse("HTTP/2: a frame is not 4 bytes long")
    number: int = _NUMBER.unpack(payload)[0]
    return number
