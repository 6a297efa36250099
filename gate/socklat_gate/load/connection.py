"""One connection of the driver: at most one request in flight, its response framed and stamped."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING

from socklat_gate.load.base_connection import BaseConnection
from socklat_gate.load.connection_owner import ConnectionOwner
from socklat_gate.load.ending import BY_SERVICE, kind_of
from socklat_gate.load.marking import (
    CONTROL_AFTER_DSFIELD,
    CONTROL_DSFIELD,
    CONTROL_IN_FLIGHT_DSFIELD,
    LONG_DSFIELD,
    LONG_TOO_DSFIELD,
    NO_DSFIELD,
    ONE_SEGMENT,
)
from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.session import ClientSession
from socklat_gate.load.protocols.tls import TlsSession
from socklat_gate.load.request_log import SENT

if TYPE_CHECKING:
    from socklat_gate.measured.load_counts import ErrorKind

__all__ = ["Connection"]

NONE = -1
CLOSED = "the server closed the connection"
CONFIRM_AFTER_S = 0.05
"""An error reply that no close follows within this time is the response to the request."""
APART_NS = 1_000_000
"""What comes so long after a response was not sent together with it."""


class Connection(BaseConnection):
    """``request`` is the index in flight or -1; ``ordinal`` counts the requests that were sent.

    Requests leave by the socket itself, not by the transport: uvloop's transports write only at
    the end of a turn of the loop, which would blur the time of sending.
    """

    __slots__ = (
        "_done_ns",
        "_long",
        "_tentative",
        "_unmarked",
        "ordinal",
        "request",
    )

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
        self._long = NO_DSFIELD  # the mark of the latest long request
        # Longer requests are marked, where the probe knows of marks.
        self._unmarked = sys.maxsize if session.ready else ONE_SEGMENT
        self.ordinal = 0
        self.request = NONE
        self._done_ns = 0  # the latest response
        self._tentative = False

    def send(self, request: int) -> None:
        """Send ``request`` now; only when none is in flight."""
        owner = self._owner
        record = owner.record
        log = record.sent_log
        self.request = request
        record.state[request] = SENT
        record.sent += 1
        data = self._session.request(request)
        self.ordinal += 1
        record.sent_ns[request] = self._now_ns()
        outgoing, sent = self._outgoing, len(data)
        try:
            if outgoing.plain and sent <= self._unmarked:
                sent = self._sock.send(data)
            else:
                outgoing.send(data, self._request_dsfield(sent))
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._abandon(kind_of(error), error.strerror or str(error))
            return
        if log is not None:
            log.port[request] = self.port
            log.ordinal[request] = self.ordinal
        if sent < len(data):
            outgoing.keep(data[sent:])

    def data_received(self, data: bytes) -> None:
        """Frame what arrived; a complete response frees the connection."""
        now_ns = self._now_ns()
        session = self._session
        try:
            done = session.feed(data)
            if session.has_control:
                self._send_control(CONTROL_DSFIELD if done else self._control_dsfield(now_ns))
            if done:
                if self.request == NONE:
                    self._reject_unrequested()
                elif done > 1 or session.partial or self._tentative:
                    raise BadResponse("more bytes came than one response has: check load.response")
                else:
                    self._complete(now_ns)
            elif self._opening is not None and not self._opening.done.done():
                self._opening.advance()
            elif self.request == NONE and not session.reusable:
                self._let_go()
        except BadResponse as error:
            if self._opening is not None and not self._opening.done.done():
                self._opening.reject(error)
                self._transport.abort()
            else:
                self._abandon("protocol", str(error))

    def fail(self, kind: ErrorKind, text: str) -> None:
        """Give up the request in flight, if any, and the connection."""
        request, self.request = self.request, NONE
        record = self._owner.record
        if request != NONE:
            record.failure(request, kind, text)
        else:
            record.stray(self._owner.arm, text)
        self._owner.on_closed(self, lost=kind in BY_SERVICE)
        self._transport.abort()

    def close(self) -> None:
        """Close after what is buffered is sent."""
        if isinstance(self._session, TlsSession) and self.request == NONE:
            self._say(self._session.goodbye(), CONTROL_DSFIELD)
        self._transport.close()

    def eof_received(self) -> None:
        """The server closed, which is how some HTTP responses end."""
        if self.request == NONE:
            return
        try:
            if self._session.eof():
                self._complete(self._now_ns())
        except BadResponse as error:
            self._abandon("closed", str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by either side."""
        if self._opening is not None:
            self._opening.closed(exc)
        if self.request != NONE:
            text = getattr(exc, "strerror", None) or CLOSED
            self._abandon(kind_of(exc), text)
        self._owner.on_closed(self, lost=True)  # does nothing when the driver closed it
        if not self.closed.done():
            self.closed.set_result(None)

    def _request_dsfield(self, length: int) -> int:
        """The mark of a request of so many bytes."""
        if length <= self._unmarked:
            return NO_DSFIELD
        self._long = LONG_TOO_DSFIELD if self._long == LONG_DSFIELD else LONG_DSFIELD
        return self._long

    def _control_dsfield(self, now_ns: int) -> int:
        """The mark of a reply to bytes that ended no response."""
        if self.request != NONE:
            return CONTROL_IN_FLIGHT_DSFIELD
        # Sooner they may have been of the same send as the response, which counts then.
        is_apart = self._done_ns and now_ns - self._done_ns >= APART_NS
        return CONTROL_AFTER_DSFIELD if is_apart else CONTROL_DSFIELD

    def _let_go(self) -> None:
        """The server takes no more requests here."""
        self._owner.on_closed(self, lost=True)
        self._transport.close()

    def _reject_unrequested(self) -> None:
        """A response came without a request; servers announce a close that way (HTTP 408)."""
        if not self._session.reusable:
            self._let_go()
        elif self._session.failure:
            raise BadResponse(f"without a request: {self._session.last_error}")
        else:
            raise BadResponse("a response came without a request: check load.response")

    def _where(self, request: int | None = None) -> str:
        """The endpoint, and the name of the request in flight, as the beginning of a message."""
        owner, request = self._owner, self.request if request is None else request
        name = "" if request == NONE else owner.record.name_of(request)
        return f"{owner.endpoint}: {name}: " if name else f"{owner.endpoint}: "

    def _abandon(self, kind: ErrorKind, text: str) -> None:
        """The connection cannot be used any further: ``kind`` and ``text`` are why."""
        owner = self._owner
        if self.served or not self.extra:
            self.fail(kind, self._where() + text)
            return
        request, self.request = self.request, NONE
        owner.on_closed(self, lost=True)
        self._transport.abort()
        if self._tentative:
            owner.record.refusal(owner.arm)
        if request != NONE:
            owner.requeue(request)

    def _confirm_error_reply(self, request: int, now_ns: int) -> None:
        """The error reply was not followed by a close: it was the response."""
        if self.request == request and not self._peer_closed():
            self._tentative = False
            self.served = True
            self._complete(now_ns)

    def _peer_closed(self) -> bool:
        """Whether a close came that the event loop, late itself, has not delivered yet."""
        try:
            return not self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _complete(self, now_ns: int) -> None:
        """The response to the request in flight is in; the session knows what it was."""
        owner, session = self._owner, self._session
        if session.failure and self.extra and not self.served:
            self._tentative = True
            if session.reusable:
                loop = asyncio.get_running_loop()
                loop.call_later(CONFIRM_AFTER_S, self._confirm_error_reply, self.request, now_ns)
            else:
                self._abandon("closed", session.last_error)
            return
        request, self.request = self.request, NONE
        self._done_ns = now_ns
        self.served = True
        owner.record.response(request, now_ns, session.status, session.size)
        if session.failure:
            text = self._where(request) + session.last_error
            owner.record.rejection(request, session.failure, text)
        if session.reusable:
            owner.release(self)
        else:
            owner.on_closed(self, lost=owner.keeps_alive)
            self.await_close()
