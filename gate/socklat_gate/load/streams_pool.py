"""The connections to one arm with several streams each: a connection with room takes a request.

In turn, as idle connections are used: every connection carries as many requests as the others.
What finds no room anywhere waits, and counts from when it was due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from socklat_gate.load.connection import Connection
from socklat_gate.load.pool import Pool
from socklat_gate.load.pool_members import ArmLoad
from socklat_gate.load.request_log import WAITING
from socklat_gate.load.streams_connection import StreamsConnection

if TYPE_CHECKING:
    import socket


__all__ = ["StreamsPool"]


class StreamsPool(Pool):
    """`Pool` of `StreamsConnection`; those that hold the idle ones hold the ones with room."""

    def __init__(self, part: ArmLoad) -> None:
        super().__init__(part)
        # They take no more requests, and have some in flight.
        self._draining: set[StreamsConnection] = set()

    def dispatch(self, request: int) -> None:
        """Send ``request`` now, or as soon as a connection has room."""
        if not self._send(request):
            self.record.starved[request] = 1
            self.queue.append(request)
            self._growth.watch()

    def release(self, connection: Connection) -> None:
        """``connection`` has room: it takes the oldest waiting requests, and then further ones."""
        one = cast("StreamsConnection", connection)
        queue, state = self.queue, self.record.state
        while queue and one.room:
            request = queue.popleft()
            if state[request] == WAITING:
                one.send(request)
        self._keep(one)

    def requeue(self, request: int) -> None:
        """``request`` was sent to a connection that the service then did not take."""
        self.record.requeue(request)
        if not self._send(request):
            self.queue.appendleft(request)

    def on_closed(self, connection: Connection, *, lost: bool) -> None:
        """``connection`` takes no more requests; those in flight may still end."""
        one = cast("StreamsConnection", connection)
        was_member = one in self._members
        super().on_closed(one, lost=lost)
        one.idle = False
        if was_member and one.is_draining:
            self._draining.add(one)
        elif not one.is_draining:
            self._draining.discard(one)

    async def close(self) -> None:
        """Close all connections and wait until the event loop has done so."""
        self._members |= self._draining
        await super().close()

    def _expire_sent(self, request: int) -> None:
        """Give up ``request``, whose connection stays: others are in flight there."""
        text = f"no response within {self._load.timeout_s:g} s"
        for one in (*self._members, *self._draining):
            if cast("StreamsConnection", one).fail_request(request, "timeout", text):
                break

    def _send(self, request: int) -> bool:
        """Whether a connection had room for it."""
        for held in (self._idle, self._idle_extra):
            while held:
                one = cast("StreamsConnection", held.popleft())
                one.idle = False
                if one.room:
                    one.send(request)
                    self._keep(one)
                    return True
        return False

    def _keep(self, connection: StreamsConnection) -> None:
        """Hold ``connection`` for further requests as long as it has room."""
        if connection.room and not connection.idle and connection in self._members:
            connection.idle = True
            (self._idle_extra if connection.extra else self._idle).append(connection)

    def _new(self, attempt: int, sock: socket.socket, *, extra: bool = False) -> StreamsConnection:
        return StreamsConnection(self, sock, self._new_session(), attempt, extra=extra)
