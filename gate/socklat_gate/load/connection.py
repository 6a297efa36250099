"""One connection of the driver: at most one request in flight, its answer framed and stamped."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic_ns
from typing import TYPE_CHECKING, cast

from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.request_log import SENT

if TYPE_CHECKING:
    from socklat_gate.load.pool import Pool
    from socklat_gate.load.protocols.parser import ResponseParser

__all__ = ["Connection"]

NONE = -1
DOUBT_S = 0.05


class Connection(asyncio.Protocol):
    """``request`` is the index in flight or -1; ``served`` says whether it ever answered.

    ``attempt`` counts the connections opened in a row, this one last, that served nothing.
    ``extra`` marks one that was opened while requests waited.  Until it has served, the service may
    refuse it by closing it, with or without an error reply before; then the request waits on.
    Requests leave by the socket itself, not by the transport: uvloop's transports write only at
    the end of a turn of the loop, which would blur the time of sending.
    """

    __slots__ = (
        "_doubted",
        "_parser",
        "_pool",
        "_sock",
        "_transport",
        "attempt",
        "closed",
        "extra",
        "request",
        "served",
    )

    def __init__(
        self,
        pool: Pool,
        sock: socket.socket,
        parser: ResponseParser,
        attempt: int,
        *,
        extra: bool = False,
    ) -> None:
        self._pool = pool
        self._sock = sock
        self._parser = parser
        self._transport: asyncio.Transport
        self.request = NONE
        self.served = False
        self.attempt = attempt
        self.extra = extra
        self._doubted = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, request: int) -> None:
        """Send ``request`` now; only when none is in flight."""
        pool = self._pool
        record = pool.record
        self.request = request
        record.state[request] = SENT
        record.sent += 1
        data = pool.request
        record.sent_ns[request] = monotonic_ns()
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._broken(error.strerror or str(error))
            return
        if sent < len(data):
            self._transport.write(data[sent:])

    def data_received(self, data: bytes) -> None:
        """Frame what arrived; a complete answer frees the connection."""
        now_ns = monotonic_ns()
        parser = self._parser
        errors = parser.errors
        try:
            done = parser.feed(data)
            if done:
                failed = parser.errors > errors
                if self.request == NONE:
                    self._unasked(failed=failed)
                elif done > 1 or parser.partial or self._doubted:
                    raise BadResponse("more bytes came than one answer has: check load.response")
                else:
                    self._answered(now_ns, failed=failed)
        except BadResponse as error:
            self._broken(str(error))

    def fail(self, text: str) -> None:
        """Give up the request in flight, if any, and the connection."""
        request, self.request = self.request, NONE
        record = self._pool.record
        if request != NONE:
            record.failure(request, text)
        else:
            record.stray(self._pool.arm, text)
        self._pool.lost(self)
        self._transport.abort()

    def close(self) -> None:
        """Close after what is buffered is sent."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def eof_received(self) -> None:
        """The server closed, which is how some HTTP responses end."""
        parser = self._parser
        errors = parser.errors
        if self.request != NONE and parser.eof():
            self._answered(monotonic_ns(), failed=parser.errors > errors)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by whoever's doing."""
        if self.request != NONE:
            self._broken(getattr(exc, "strerror", None) or "the server closed the connection")
        self._pool.lost(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def _unasked(self, *, failed: bool) -> None:
        """An answer came without a request; servers say so that they close (HTTP 408)."""
        if not self._parser.reusable:
            self._pool.lost(self)
            self._transport.close()
        elif failed:
            raise BadResponse(f"unasked: {self._parser.last_error}")
        else:
            raise BadResponse("an answer came that nobody asked for: check load.response")

    def _broken(self, text: str) -> None:
        """What happened makes the connection useless."""
        pool = self._pool
        if self.served or not self.extra:
            self.fail(f"{pool.endpoint}: {text}")
            return
        request, self.request = self.request, NONE
        pool.lost(self)
        self._transport.abort()
        if self._doubted:
            pool.record.turned_away(pool.arm)
        if request != NONE:
            pool.wait_on(request)

    def _believe(self, request: int, now_ns: int) -> None:
        """The error reply was not followed by a close: it was the answer."""
        if self.request == request and not self._at_end():
            self._doubted = False
            self.served = True
            self._answered(now_ns, failed=True)

    def _at_end(self) -> bool:
        """Whether a close came that the event loop, late itself, has still to tell."""
        try:
            return not self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _answered(self, now_ns: int, *, failed: bool) -> None:
        pool = self._pool
        if failed and self.extra and not self.served:
            self._doubted = True
            if self._parser.reusable:
                loop = asyncio.get_running_loop()
                loop.call_later(DOUBT_S, self._believe, self.request, now_ns)
            else:
                self._broken(self._parser.last_error)
            return
        request, self.request = self.request, NONE
        self.served = True
        if failed:
            text = f"{pool.endpoint}: {self._parser.last_error}"
            pool.record.rejection(request, now_ns, text)
        else:
            pool.record.answer(request, now_ns)
        if self._parser.reusable:
            pool.release(self)
        else:
            pool.lost(self)
            self._transport.close()
