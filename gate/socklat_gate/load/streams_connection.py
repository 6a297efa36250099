"""One connection of HTTP/2 with several requests in flight, each with an end of its own."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from socklat_gate.load.connection import CLOSED, Connection
from socklat_gate.load.connection_owner import ConnectionOwner
from socklat_gate.load.ending import BY_SERVICE, kind_of
from socklat_gate.load.marking import CONTROL_DSFIELD, NO_DSFIELD
from socklat_gate.load.outgoing import Outgoing
from socklat_gate.load.protocols.http2_stream import Ended
from socklat_gate.load.protocols.http2_streams import Http2Streams
from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.tls import TlsSession
from socklat_gate.load.request_log import SENT

if TYPE_CHECKING:
    from socklat_gate.load.protocols.session import ClientSession
    from socklat_gate.measured.load_counts import ErrorKind

__all__ = ["StreamsConnection"]


class StreamsConnection(Connection):
    """``room`` is how many more requests may be in flight; `release` says that it has grown.

    ``idle`` is for the owner: whether it holds the connection for one with room.  A service that
    does not take a further connection closes it before it has served; its requests are then
    requeued, as those of `Connection`.
    """

    __slots__ = ("_streams", "idle")

    def __init__(
        self,
        owner: ConnectionOwner[Connection],
        sock: socket.socket,
        session: ClientSession,
        attempt: int,
        *,
        extra: bool = False,
    ) -> None:
        super().__init__(owner, sock, session, attempt, extra=extra)
        self._outgoing = Outgoing(sock, is_exact=False)
        inner = session.inner if isinstance(session, TlsSession) else session
        assert isinstance(inner, Http2Streams), "the pool's scenario has streams"
        self._streams = inner
        self.idle = False

    @property
    def room(self) -> int:
        """How many requests may be sent now."""
        if not self._session.reusable or self._transport.is_closing():
            return 0
        return max(0, self._streams.limit - self._streams.in_flight)

    @property
    def is_draining(self) -> bool:
        """Whether requests are in flight."""
        return self._streams.in_flight > 0

    def send(self, request: int) -> None:
        """Send ``request`` now; only while there is room."""
        owner, record = self._owner, self._owner.record
        record.state[request] = SENT
        record.sent += 1
        data = self._session.request(request)
        in_flight = self._streams.in_flight
        record.most_in_flight[owner.arm] = max(record.most_in_flight[owner.arm], in_flight)
        record.sent_ns[request] = self._now_ns()
        try:
            self._outgoing.send(data, NO_DSFIELD)
        except OSError as error:
            self._abandon(kind_of(error), error.strerror or str(error))

    def data_received(self, data: bytes) -> None:
        """Take what arrived; each request that it ends makes room for another."""
        now_ns = self._now_ns()
        session = self._session
        try:
            done = session.feed(data)
        except BadResponse as error:
            self._take(self._streams.ended(), now_ns)
            if self._opening is not None and not self._opening.done.done():
                self._opening.reject(error)
                self._transport.abort()
            else:
                self._abandon("protocol", str(error))
            return
        if session.has_control:
            self._send_control(CONTROL_DSFIELD)
            self._owner.record.streams_allowed(self._owner.arm, self._streams.limit)
        if self._opening is not None and not self._opening.done.done():
            self._opening.advance()
            return
        if done:
            self._take(self._streams.ended(), now_ns)
        if not session.reusable:
            self._retire()
        elif self.room and not self.idle:
            self._owner.release(self)

    def fail_request(self, request: int, kind: ErrorKind, text: str) -> bool:
        """Give up ``request`` alone; whether it was in flight here."""
        if not self._streams.give_up(request):
            return False
        self._owner.record.failure(request, kind, text)
        if self._streams.has_control:  # a session of TLS around it only knows of what came
            self._send_control(CONTROL_DSFIELD)
        if self._session.reusable and self.room and not self.idle:
            self._owner.release(self)
        return True

    def fail(self, kind: ErrorKind, text: str) -> None:
        """Give up the connection and all requests in flight."""
        unended = self._streams.unended
        for request in unended:
            self._streams.give_up(request)
            self._owner.record.failure(request, kind, text)
        if not unended:
            self._owner.record.stray(self._owner.arm, text)
        self._owner.on_closed(self, lost=kind in BY_SERVICE)
        self._transport.abort()

    def close(self) -> None:
        """Close after what is buffered is sent."""
        if isinstance(self._session, TlsSession):
            self._say(self._session.goodbye(), CONTROL_DSFIELD)
        self._transport.close()

    def eof_received(self) -> None:
        """The server closed: `connection_lost` follows."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by either side."""
        if self._opening is not None:
            self._opening.closed(exc)
        if self._streams.in_flight:
            self._abandon(kind_of(exc), getattr(exc, "strerror", None) or CLOSED)
        self._owner.on_closed(self, lost=True)  # does nothing when the driver closed it
        if not self.closed.done():
            self.closed.set_result(None)

    def _take(self, ended: list[Ended], now_ns: int) -> None:
        record = self._owner.record
        for one in ended:
            if one.lost:
                assert one.failure, "only a response is none"
                record.failure(one.request, one.failure, self._where(one.request) + one.text)
                continue
            self.served = True
            record.response(one.request, now_ns, one.status, one.size)
            if one.failure:
                text = self._where(one.request) + one.text
                record.rejection(one.request, one.failure, text)

    def _retire(self) -> None:
        """The server takes no more requests here; those in flight may still end."""
        self._owner.on_closed(self, lost=True)
        if not self._streams.in_flight:
            self.await_close()

    def _abandon(self, kind: ErrorKind, text: str) -> None:
        """The connection cannot be used any further: ``kind`` and ``text`` are why."""
        owner = self._owner
        if self.served or not self.extra:
            self.fail(kind, self._where() + text)
            return
        unended = self._streams.unended
        for request in unended:
            self._streams.give_up(request)
        owner.on_closed(self, lost=True)
        self._transport.abort()
        for request in reversed(unended):
            owner.requeue(request)
