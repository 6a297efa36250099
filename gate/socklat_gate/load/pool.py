"""The connections to one arm: opened before the load, kept full while it runs.

Idle connections are used round robin (first in, first out), not last in, first out: every
connection then sees the same spacing between requests, so that all of a server's workers,
threads and event loops take part, where reuse of the hottest connection would measure one of
them and leave the others cold.

A request that finds none free waits for the first that becomes free, and meanwhile a further
connection is opened: otherwise a service that pauses for long would get no more requests than it
has connections, and what the others waited would be seen by nobody on its side.  Such extra
connections stay open, but are used only while all of the original ones are busy, so that the
calm part of the load never depends on how many a pause made necessary.  They are never an error:
where a service does not take them, their requests are requeued.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from socklat_gate.load.bounds import max_connections_of
from socklat_gate.load.connection import Connection
from socklat_gate.load.dialer import CONNECT_WITHIN_S, ConnectFailed
from socklat_gate.load.growth import Growth
from socklat_gate.load.pool_members import ArmLoad, PoolMembers
from socklat_gate.load.request_log import SENT, WAITING

if TYPE_CHECKING:
    import socket

    from socklat_gate.scenario.request import Request

__all__ = ["Pool"]

AT_ONCE = 64
HANDSHAKES_AT_ONCE = 4
"""Each takes the driver's CPU for 0.3 ms, which would be seen in the times of the others."""
HANDSHAKE_S = 0.005


class Pool(PoolMembers):
    """``load.connections`` connections to ``endpoint`` and more when needed, for ``arm``."""

    def __init__(self, part: ArmLoad) -> None:
        super().__init__(part)
        self.keeps_alive = not any(map(_asks_to_close, part.source.requests))
        self._idle: deque[Connection] = deque()
        self._idle_extra: deque[Connection] = deque()
        self.queue: deque[int] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._growth = Growth(self, max_connections_of(part.load))
        self._closing = False

    async def open(self) -> None:
        """Open the original connections, trying again what fails.  Raises `ConnectFailed`."""
        deadline_s = asyncio.get_running_loop().time() + CONNECT_WITHIN_S
        try:
            await self._dialer.resolve()
        except OSError as error:
            raise ConnectFailed(self.endpoint, error) from None
        slots = asyncio.Semaphore(AT_ONCE)
        if self._load.tls is not None:
            slots = asyncio.Semaphore(HANDSHAKES_AT_ONCE)
            deadline_s += HANDSHAKE_S * self._load.connections
        opening = [
            asyncio.ensure_future(self._open_first(slots, deadline_s))
            for _ in range(self._load.connections)
        ]
        try:
            await asyncio.gather(*opening)
        except OSError as error:
            opened = f" ({len(self._members)} of {self._load.connections} connections opened)"
            raise ConnectFailed(self.endpoint, error, opened) from None
        finally:
            for task in opening:
                task.cancel()
            await asyncio.gather(*opening, return_exceptions=True)

    @property
    def size(self) -> int:
        """Connections that are open or being opened."""
        return len(self._members) + len(self._opening)

    def dispatch(self, request: int) -> None:
        """Send ``request`` now, or as soon as a connection is free."""
        if self._idle:
            self._idle.popleft().send(request)
        elif self._idle_extra:
            self._idle_extra.popleft().send(request)
        else:
            self.record.starved[request] = 1
            self.queue.append(request)
            self._growth.watch()

    def release(self, connection: Connection) -> None:
        """``connection`` is free: it takes the oldest waiting request, else it is idle."""
        queue = self.queue
        while queue:
            request = queue.popleft()
            if self.record.state[request] == WAITING:
                connection.send(request)
                return
        (self._idle_extra if connection.extra else self._idle).append(connection)

    def on_closed(self, connection: Connection, *, lost: bool) -> None:
        """``connection`` is closed or closing: replace an original; a second call does nothing."""
        if connection not in self._members:
            return
        self._members.discard(connection)
        self.record.lost[self.arm] += lost
        with suppress(ValueError):
            (self._idle_extra if connection.extra else self._idle).remove(connection)
        if connection.extra:
            if not connection.served:
                self._growth.back_off()
        elif not self._closing:
            attempt = 0 if connection.served else connection.attempt + 1
            self.spawn(self._reopen(attempt))

    def requeue(self, request: int) -> None:
        """``request`` was sent to a connection that the service then did not take."""
        self.record.requeue(request)
        for idle in (self._idle, self._idle_extra):
            if idle:
                idle.popleft().send(request)
                return
        self.queue.appendleft(request)

    def expire(self, request: int) -> None:
        """``request`` was due ``timeout_s`` ago: give it up unless it is settled."""
        state = self.record.state[request]
        if state == WAITING:
            self.record.expiry(request, refused=self._dialer.refused)
        elif state == SENT:
            self._expire_sent(request)

    async def close(self) -> None:
        """Close all connections and wait until the event loop has done so."""
        self._closing = True
        self._growth.close()
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        await self._close_members()

    def spawn(self, opening: Coroutine[None, None, None]) -> None:
        """Run ``opening`` until the pool is closed."""
        task = asyncio.ensure_future(opening)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open_first(self, slots: asyncio.Semaphore, deadline_s: float) -> None:
        async with slots:
            connection = await self._dialer.dial_until(partial(self._new, 0), deadline_s)
            self._join(connection)
            self.release(connection)

    async def _reopen(self, attempt: int) -> None:
        connection = await self._dialer.redial(self._new, attempt)
        self._join(connection)
        self.release(connection)

    async def add_extra(self) -> None:
        """Open one more connection.  Raises `OSError`."""
        connection = await self._dialer.dial(partial(self._new, 0, extra=True))
        self.record.grown[self.arm] += 1
        self._join(connection)
        self.release(connection)

    def _new(self, attempt: int, sock: socket.socket, *, extra: bool = False) -> Connection:
        return Connection(self, sock, self._new_session(), attempt, extra=extra)

    def _join(self, connection: Connection) -> None:
        if self._closing:
            connection.close()
        else:
            self.record.opened[self.arm] += 1
            self._members.add(connection)


def _asks_to_close(request: Request) -> bool:
    return any(
        name.lower() == "connection" and "close" in str(value).lower()
        for name, value in request.headers.items()
    )
