"""One connection of the driver: at most one request in flight, its answer framed and stamped."""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING, cast

from gate.load.answers import BadAnswer
from gate.load.record import SENT

if TYPE_CHECKING:
    import socket

    from gate.load.answers import AnswerParser
    from gate.load.pool import Pool

__all__ = ["Connection"]

NONE = -1


class Connection(asyncio.Protocol):
    """``request`` is the index in flight or -1; ``served`` says whether it ever answered.

    ``attempt`` counts the connections opened in a row, this one last, that served nothing.
    Requests leave by the socket itself, not by the transport: uvloop's transports write only at
    the end of a turn of the loop, which would blur the time of sending.
    """

    __slots__ = (
        "_parser",
        "_pool",
        "_sock",
        "_transport",
        "attempt",
        "closed",
        "request",
        "served",
    )

    def __init__(self, pool: Pool, sock: socket.socket, parser: AnswerParser, attempt: int) -> None:
        self._pool = pool
        self._sock = sock
        self._parser = parser
        self._transport: asyncio.Transport
        self.request = NONE
        self.served = False
        self.attempt = attempt
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
            self.fail(f"{pool.endpoint}: {error.strerror}")
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
                elif done > 1 or parser.partial:
                    raise BadAnswer("more bytes came than one answer has: check load.answer")
                else:
                    self._answered(now_ns, failed=failed)
        except BadAnswer as error:
            self.fail(f"{self._pool.endpoint}: {error}")

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
            reason = getattr(exc, "strerror", None) or "the server closed the connection"
            request, self.request = self.request, NONE
            self._pool.record.failure(request, f"{self._pool.endpoint}: {reason}")
        self._pool.lost(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def _unasked(self, *, failed: bool) -> None:
        """An answer came without a request; servers say so that they close (HTTP 408)."""
        if not self._parser.reusable:
            self._pool.lost(self)
            self._transport.close()
        elif failed:
            raise BadAnswer(f"unasked: {self._parser.last_error}")
        else:
            raise BadAnswer("an answer came that nobody asked for: check load.answer")

    def _answered(self, now_ns: int, *, failed: bool) -> None:
        pool = self._pool
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
