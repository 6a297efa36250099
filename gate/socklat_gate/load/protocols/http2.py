"""HTTP/2 on one connection, one stream in flight: what a request is, and when its response ends.

What is no request (acknowledgements, window updates, the rest of a body that had to wait for the
server's window) goes out as control bytes.  Windows are so large from the start that the server
never waits for the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.load.protocols import http2_frames as h2
from socklat_gate.load.protocols.http2_blocks import unpadded
from socklat_gate.load.protocols.http2_connection import Http2Connection, number_of
from socklat_gate.load.protocols.http2_head import is_interim, length_violation
from socklat_gate.load.protocols.http2_windows import SendWindows
from socklat_gate.load.protocols.http_outcome import http_violation
from socklat_gate.load.protocols.parser import BadResponse

if TYPE_CHECKING:
    from socklat_gate.load.expectation import Expectation
    from socklat_gate.load.protocols.http2_head import Head
    from socklat_gate.load.protocols.http2_requests import Http2Requests
    from socklat_gate.measured.load_counts import ErrorKind

__all__ = ["Http2Session"]


class Http2Session(Http2Connection):
    """See `load.protocols.session.ClientSession`.

    ``alpn``: what a TLS handshake around it has to agree on.  A response ends with its stream;
    one that the server resets or refuses to process ends as a failed one.
    """

    alpn: tuple[str, ...] = ("h2",)

    __slots__ = (
        "_expected",
        "_head",
        "_in_flight",
        "_is_head",
        "_keep_bytes",
        "_kept",
        "_most_streams",
        "_requests",
        "_sending",
        "_stream",
    )

    def __init__(self, requests: Http2Requests) -> None:
        super().__init__()
        self._requests = requests
        self._sending = SendWindows()
        self._most_streams = 1
        # The stream in flight, or the latest one.
        self._stream = -1
        self._in_flight = False
        self._head: Head | None = None
        self._is_head = False
        self._expected: Expectation | None = None
        self._keep_bytes = 0
        self._kept = bytearray()

    def request(self, request: int) -> bytes:
        """The frames of a request, as far as the server's windows allow; the rest is control."""
        asked = self._requests.asked(request, shrink_table=self._shrink_table)
        self._shrink_table = False
        self._expected, self._is_head = asked.expected, asked.is_head
        self._keep_bytes = self._kept_bytes(asked.expected)
        self._stream += 2
        self._in_flight = True
        self._head = None
        self.size = 0
        return self._sending.begin(asked.frames, self._stream)

    def _kept_bytes(self, expected: Expectation | None) -> int:
        """How much of the body's beginning `_judge` needs."""
        return expected.kept_bytes if expected is not None else 0

    def _on_data(self, flags: int, stream: int, payload: bytes) -> int:
        if not self._is_current(stream):
            return 0
        if self._head is None:
            raise BadResponse("HTTP/2: a body without a head")
        if flags & h2.PADDED:
            payload = unpadded(payload)
        self.partial = True
        self.size += len(payload)
        missing = self._keep_bytes - len(self._kept)
        if missing > 0:
            self._kept += payload[:missing]
        return self._ended(None) if flags & h2.END_STREAM else 0

    def _on_head(self, stream: int, head: Head) -> int:
        if not self._is_current(stream):
            return 0
        self.partial = True
        ends = self._blocks.ends_stream
        if self._head is not None:
            if not ends:
                raise BadResponse("HTTP/2: trailers that do not end the response")
            return self._ended(head)
        if is_interim(head, ends=ends):
            return 0
        self._head = head
        return self._ended(None) if ends else 0

    def _ended(self, trailers: Head | None) -> int:
        head = self._head
        assert head is not None, "no stream ends before its head"
        self.status = head.status
        self.failure = ""
        violation = length_violation(head, self.size, to_head=self._is_head)
        if violation:
            self.fail(*violation)
        else:
            self._judge(head, trailers)
        return self._completed()

    def _judge(self, head: Head, trailers: Head | None) -> None:  # noqa: ARG002 - gRPC's are there
        """Hold the response that ended against what is expected."""
        violation = http_violation(self._expected, head.status, self.size, self._kept)
        if violation:
            self.fail(*violation)

    def _completed(self) -> int:
        """The request in flight has its response, whatever of itself is still unsent."""
        if self._sending.give_up():
            self._reply(h2.reset(self._stream))
        self._in_flight = self.partial = False
        self._kept.clear()
        if self._stream + 2 > h2.MAX_STREAM:
            self.reusable = False
        return 1

    def _failed(self, kind: ErrorKind, text: str) -> int:
        """The server ended the request in flight without a response."""
        self.status = self._head.status if self._head else 0
        self.failure = ""
        self._sending.give_up()
        self.fail(kind, text)
        return self._completed()

    def _on_reset(self, stream: int, payload: bytes) -> int:
        if not self._is_current(stream):
            return 0  # such as NO_ERROR behind a response for which the body was not needed
        return self._failed("reset", f"HTTP/2: RST_STREAM {h2.error_name(number_of(payload))}")

    def _leave_out(self, after: int, text: str) -> int:
        return self._failed("closed", text) if self._in_flight and self._stream > after else 0

    def _is_current(self, stream: int) -> bool:
        """Whether the frame is of the request in flight.  Raises for a stream never opened."""
        if stream == self._stream and self._in_flight:
            return True
        if stream > self._stream or not stream & 1:
            raise BadResponse(f"HTTP/2: a frame of stream {stream}, which was never opened")
        return False

    def _on_window_update(self, stream: int, payload: bytes) -> None:
        increment = number_of(payload) & h2.MAX_WINDOW
        if stream == 0:
            self._sending.connection += increment
        elif self._is_current(stream):
            self._sending.stream += increment
        self._send_waiting()

    def _set_initial_window(self, size: int) -> None:
        self._sending.set_initial(size)

    def _set_max_streams(self, most: int) -> None:
        self._most_streams = most

    def _may_open(self) -> bool:
        return self._most_streams > 0

    def _send_waiting(self) -> None:
        if more := self._sending.more(self._stream):
            self._reply(more)
