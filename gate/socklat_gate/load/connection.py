"""One connection of the driver: at most one request in flight, its response framed and stamped."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from socklat_gate.load.connection_owner import ConnectionOwner
from socklat_gate.load.ending import BY_SERVICE, kind_of
from socklat_gate.load.protocols.parser import BadResponse, ResponseParser
from socklat_gate.load.request_log import SENT

if TYPE_CHECKING:
    from socklat_gate.measured.load_counts import ErrorKind

__all__ = ["Connection"]

NONE = -1
CONFIRM_AFTER_S = 0.05
"""An error reply that no close follows within this time is the response to the request."""


class Connection(asyncio.Protocol):
    """``request`` is the index in flight or -1; ``served`` is true once a response came.

    ``attempt`` counts the connections opened in a row, this one last, that served nothing.
    ``extra`` marks one that was opened while requests waited.  Until it has served, the service may
    refuse it by closing it, with or without an error reply before; the request is then requeued.
    Requests leave by the socket itself, not by the transport: uvloop's transports write only at
    the end of a turn of the loop, which would blur the time of sending.
    """

    __slots__ = (
        "_now_ns",
        "_owner",
        "_parser",
        "_sock",
        "_tentative",
        "_transport",
        "attempt",
        "closed",
        "extra",
        "request",
        "served",
    )

    def __init__(
        self,
        owner: ConnectionOwner[Connection],
        sock: socket.socket,
        parser: ResponseParser,
        attempt: int,
        *,
        extra: bool = False,
    ) -> None:
        self._owner = owner
        self._now_ns = owner.now_ns
        self._sock = sock
        self._parser = parser
        self._transport: asyncio.Transport
        self.request = NONE
        self.served = False
        self.attempt = attempt
        self.extra = extra
        self._tentative = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, request: int) -> None:
        """Send ``request`` now; only when none is in flight."""
        owner = self._owner
        record = owner.record
        self.request = request
        record.state[request] = SENT
        record.sent += 1
        data = owner.request
        record.sent_ns[request] = self._now_ns()
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._abandon(kind_of(error), error.strerror or str(error))
            return
        if sent < len(data):
            self._transport.write(data[sent:])

    def data_received(self, data: bytes) -> None:
        """Frame what arrived; a complete response frees the connection."""
        now_ns = self._now_ns()
        parser = self._parser
        try:
            done = parser.feed(data)
            if done:
                if self.request == NONE:
                    self._reject_unrequested()
                elif done > 1 or parser.partial or self._tentative:
                    raise BadResponse("more bytes came than one response has: check load.response")
                else:
                    self._complete(now_ns)
        except BadResponse as error:
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
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def eof_received(self) -> None:
        """The server closed, which is how some HTTP responses end."""
        if self.request != NONE and self._parser.eof():
            self._complete(self._now_ns())

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by either side."""
        if self.request != NONE:
            text = getattr(exc, "strerror", None) or "the server closed the connection"
            self._abandon(kind_of(exc), text)
        self._owner.on_closed(self, lost=True)  # does nothing when the driver closed it
        if not self.closed.done():
            self.closed.set_result(None)

    def _reject_unrequested(self) -> None:
        """A response came without a request; servers announce a close that way (HTTP 408)."""
        if not self._parser.reusable:
            self._owner.on_closed(self, lost=True)
            self._transport.close()
        elif self._parser.failure:
            raise BadResponse(f"without a request: {self._parser.last_error}")
        else:
            raise BadResponse("a response came without a request: check load.response")

    def _abandon(self, kind: ErrorKind, text: str) -> None:
        """The connection cannot be used any further: ``kind`` and ``text`` are why."""
        owner = self._owner
        if self.served or not self.extra:
            self.fail(kind, f"{owner.endpoint}: {text}")
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
        """The response to the request in flight is in; the parser knows what it was."""
        owner, parser = self._owner, self._parser
        if parser.failure and self.extra and not self.served:
            self._tentative = True
            if parser.reusable:
                loop = asyncio.get_running_loop()
                loop.call_later(CONFIRM_AFTER_S, self._confirm_error_reply, self.request, now_ns)
            else:
                self._abandon("closed", parser.last_error)
            return
        request, self.request = self.request, NONE
        self.served = True
        owner.record.response(request, now_ns, parser.status, parser.size)
        if parser.failure:
            owner.record.rejection(
                request, parser.failure, f"{owner.endpoint}: {parser.last_error}"
            )
        if parser.reusable:
            owner.release(self)
        else:
            owner.on_closed(self, lost=owner.keeps_alive)
            self._transport.close()
