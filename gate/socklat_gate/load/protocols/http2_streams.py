"""HTTP/2 on one connection, several requests in flight: each on a stream of its own.

Beside the session of one request at a time (`load.protocols.http2`), whose exchanges the kernel
can count, and of the same frames.  Every stream has its own head, body and end; a reset ends one
request, and a GOAWAY those that it leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from socklat_gate.load.protocols import http2_frames as h2
from socklat_gate.load.protocols.http2_blocks import unpadded
from socklat_gate.load.protocols.http2_connection import Http2Connection, number_of
from socklat_gate.load.protocols.http2_flow import StreamWindows
from socklat_gate.load.protocols.http2_head import is_interim, length_violation
from socklat_gate.load.protocols.http2_stream import Ended, Judge, Stream, http_judge
from socklat_gate.load.protocols.parser import BadResponse

if TYPE_CHECKING:
    from socklat_gate.load.protocols.http2_head import Head
    from socklat_gate.load.protocols.http2_requests import Http2Requests
    from socklat_gate.measured.load_counts import ErrorKind

__all__ = ["Http2Streams"]


class Http2Streams(Http2Connection):
    """As `load.protocols.session.ClientSession`, but for ``most`` requests in flight at once.

    `feed` returns how many requests ended, and `ended` hands them out; ``limit`` is what ``most``
    and the server's SETTINGS allow, ``in_flight`` how many there are.
    """

    __slots__ = (
        "_ended",
        "_judge",
        "_last",
        "_most",
        "_open",
        "_requests",
        "_sending",
        "limit",
    )

    def __init__(self, requests: Http2Requests, most: int, judge: Judge = http_judge) -> None:
        super().__init__()
        self._requests = requests
        self._judge = judge
        self._most = self.limit = most
        self._sending = StreamWindows()
        self._open: dict[int, Stream] = {}
        self._ended: list[Ended] = []
        # The latest stream that was opened.
        self._last = -1

    @property
    def in_flight(self) -> int:
        """Requests without an end."""
        return len(self._open)

    @property
    def unended(self) -> Sequence[int]:
        """Those requests, oldest first."""
        return [stream.request for stream in self._open.values()]

    def request(self, request: int) -> bytes:
        """The frames of a request, as far as the server's windows allow; the rest is control.

        Only while fewer than ``limit`` are in flight.
        """
        asked = self._requests.asked(request, shrink_table=self._shrink_table)
        self._shrink_table = False
        self._last += 2
        self._open[self._last] = Stream(request, asked, self._judge.kept_bytes(asked.expected))
        if self._last + 2 > h2.MAX_STREAM:
            self.reusable = False
        return self._sending.begin(asked.frames, self._last)

    def ended(self) -> list[Ended]:
        """The requests that ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def give_up(self, request: int) -> bool:
        """Reset the stream of ``request``, by control bytes; whether it was in flight."""
        for number, stream in self._open.items():
            if stream.request == request:
                self._sending.end(number)
                del self._open[number]
                self._reply(h2.reset(number))
                return True
        return False

    def _on_data(self, flags: int, stream: int, payload: bytes) -> int:
        one = self._of(stream)
        if one is None:
            return 0
        if one.head is None:
            raise BadResponse("HTTP/2: a body without a head")
        if flags & h2.PADDED:
            payload = unpadded(payload)
        one.size += len(payload)
        if one.missing > 0:
            one.kept += payload[: one.missing]
            one.missing -= len(payload)
        return self._respond(stream, one, None) if flags & h2.END_STREAM else 0

    def _on_head(self, stream: int, head: Head) -> int:
        one = self._of(stream)
        if one is None:
            return 0
        ends = self._blocks.ends_stream
        if one.head is not None:
            if not ends:
                raise BadResponse("HTTP/2: trailers that do not end the response")
            return self._respond(stream, one, head)
        if is_interim(head, ends=ends):
            return 0
        one.head = head
        return self._respond(stream, one, None) if ends else 0

    def _respond(self, number: int, stream: Stream, trailers: Head | None) -> int:
        """The response is complete, whatever of the request is still unsent."""
        head, asked = stream.head, stream.asked
        assert head is not None, "no stream ends before its head"
        if self._sending.end(number):
            self._reply(h2.reset(number))
        del self._open[number]
        status, size = head.status, stream.size
        violation = length_violation(head, size, to_head=asked.is_head)
        if violation is None:
            status, size, violation = self._judge.judge(
                asked.expected, head, trailers, size, stream.kept
            )
        self._ended.append(Ended(stream.request, status, size, *(violation or ())))
        return 1

    def _lose(self, number: int, kind: ErrorKind, text: str) -> int:
        """The server ended a stream without a response."""
        stream = self._open.pop(number)
        self._sending.end(number)
        status = stream.head.status if stream.head else 0
        self._ended.append(Ended(stream.request, status, stream.size, kind, text, lost=True))
        return 1

    def _on_reset(self, stream: int, payload: bytes) -> int:
        if self._of(stream) is None:
            return 0  # such as NO_ERROR behind a response for which the body was not needed
        return self._lose(
            stream, "reset", f"HTTP/2: RST_STREAM {h2.error_name(number_of(payload))}"
        )

    def _leave_out(self, after: int, text: str) -> int:
        left_out = [number for number in self._open if number > after]
        return sum(self._lose(number, "closed", text) for number in left_out)

    def _of(self, stream: int) -> Stream | None:
        """The request in flight that the frame is of.  Raises for a stream never opened."""
        one = self._open.get(stream)
        if one is None and (stream > self._last or not stream & 1):
            raise BadResponse(f"HTTP/2: a frame of stream {stream}, which was never opened")
        return one

    def _on_window_update(self, stream: int, payload: bytes) -> None:
        if stream:
            self._of(stream)
        self._sending.grow(stream, number_of(payload) & h2.MAX_WINDOW)
        self._send_waiting()

    def _set_initial_window(self, size: int) -> None:
        self._sending.set_initial(size)

    def _set_max_streams(self, most: int) -> None:
        self.limit = min(self._most, most)

    def _may_open(self) -> bool:
        return self.limit > 0

    def _send_waiting(self) -> None:
        if more := self._sending.more():
            self._reply(more)
