"""A new connection for each request: what ``load.keep_alive = false`` means.

It begins when the request is due, so the time of connecting and of a handshake is a part of what
the client waits, as for a user without a connection.  Up to ``load.max_connections`` are under way
at once; ``grown`` is by how many these were more than ``load.connections``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from socklat_gate.load.bounds import max_connections_of
from socklat_gate.load.connection import Connection
from socklat_gate.load.dialer import CONNECT_WITHIN_S, ConnectFailed
from socklat_gate.load.ending import kind_of
from socklat_gate.load.handshake_failed import ClosedEarly, HandshakeFailed
from socklat_gate.load.pool_members import ArmLoad, PoolMembers
from socklat_gate.load.ports import driver_closes_first
from socklat_gate.load.request_log import SENT, WAITING

if TYPE_CHECKING:
    import socket

    from socklat_gate.measured.load_counts import ErrorKind

__all__ = ["FreshPool"]


class FreshPool(PoolMembers):
    """Connections to ``endpoint`` for ``arm``, each for one request; the members of `Pool`."""

    keeps_alive = False

    def __init__(self, part: ArmLoad) -> None:
        super().__init__(part)
        assert part.record.dialed_ns is not None, "it was made for such a pool"
        self._dialed_ns = part.record.dialed_ns
        self._usual = part.load.connections
        self._most = max_connections_of(part.load)
        self._closes_first = driver_closes_first(part.load)
        self._queue: deque[int] = deque()
        self._dialing: dict[int, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """One connection, and its end: the service is there.  Raises `ConnectFailed`."""
        deadline_s = asyncio.get_running_loop().time() + CONNECT_WITHIN_S
        try:
            await self._dialer.resolve()
            connection = await self._dialer.dial_until(self._new, deadline_s)
        except OSError as error:
            raise ConnectFailed(self.endpoint, error) from None
        connection.close()
        await connection.closed

    def dispatch(self, request: int) -> None:
        """Open a connection for ``request``, or as soon as fewer are under way."""
        busy = len(self._members) + len(self._dialing)
        if busy >= self._most:
            self.record.starved[request] = 1
            self._queue.append(request)
            return
        if busy >= self._usual:
            grown = self.record.grown
            grown[self.arm] = max(grown[self.arm], busy + 1 - self._usual)
        self._dialed_ns[request] = self.now_ns()
        self._dialing[request] = asyncio.ensure_future(self._serve(request))

    def release(self, connection: Connection) -> None:
        """``connection`` has served its request."""
        self.on_closed(connection, lost=False)
        if self._closes_first:
            connection.close()
        else:
            connection.await_close()

    def on_closed(self, connection: Connection, *, lost: bool) -> None:  # noqa: ARG002 - none is kept
        """``connection`` is closed or closing; a second call does nothing."""
        if connection in self._members:
            self._members.discard(connection)
            self._next()

    def requeue(self, request: int) -> None:
        """No connection is one on top, so none is refused silently."""
        raise AssertionError(f"request {request} has a connection of its own")

    def expire(self, request: int) -> None:
        """``request`` was due ``load.timeout_s`` ago: give it up unless it is settled."""
        state = self.record.state[request]
        if state == WAITING:
            task = self._dialing.get(request)
            if task is None:
                self.record.expiry(request, refused=False)
            else:
                task.cancel()
                self._fail(request, "timeout", f"no connection within {self._load.timeout_s:g} s")
        elif state == SENT:
            self._expire_sent(request)

    async def close(self) -> None:
        """End all connections and wait until the event loop has done so."""
        self._queue.clear()
        tasks = list(self._dialing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._close_members()

    async def _serve(self, request: int) -> None:
        try:
            connection = await self._dialer.dial(self._new, self._load.timeout_s)
        except HandshakeFailed as error:
            self._fail(request, "protocol", f"{error}; {error.remedy}")
        except ClosedEarly as error:
            self._fail(request, "closed", str(error))
        except TimeoutError as error:
            self._fail(request, "timeout", str(error))
        except OSError as error:
            self._fail(request, kind_of(error), error.strerror or str(error))
        else:
            self.record.opened[self.arm] += 1
            self._members.add(connection)
            del self._dialing[request]  # before the sending, which may end the connection
            connection.send(request)
        finally:
            if self._dialing.pop(request, None) is not None:
                self._next()

    def _fail(self, request: int, kind: ErrorKind, text: str) -> None:
        if self.record.state[request] == WAITING:
            self.record.unsent(request, kind, f"{self.endpoint}: {text}")

    def _next(self) -> None:
        """One fewer is under way: the oldest request that waits is the next."""
        while self._queue:
            request = self._queue.popleft()
            if self.record.state[request] == WAITING:
                self.dispatch(request)
                return

    def _new(self, sock: socket.socket) -> Connection:
        return Connection(self, sock, self._new_session(), 0)
