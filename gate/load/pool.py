"""The connections to one arm: opened before the load, kept full while it runs.

Idle connections are used round robin (first in, first out), not last in, first out: every
connection then sees the same spacing between requests, so that all of a server's workers,
threads and event loops take part, where reuse of the hottest connection would measure one of
them and leave the others cold.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gate.load.connection import Connection
from gate.load.protocol import parser_for, request_bytes
from gate.load.record import EXPIRED, SENT, WAITING

if TYPE_CHECKING:
    from gate.load.record import Record
    from gate.scenario import Load

__all__ = ["ConnectFailed", "Pool"]

CONNECT_WITHIN_S = 5.0
RETRY_EVERY_S = 0.05
AT_ONCE = 64
FIRST_BACKOFF_S = 0.01
MAX_BACKOFF_S = 1.0


class ConnectFailed(Exception):
    """The endpoint did not take all connections within `CONNECT_WITHIN_S`."""

    def __init__(self, endpoint: str, error: str) -> None:
        super().__init__(f"{endpoint}: {error}")
        self.endpoint = endpoint
        self.error = error


class Pool:
    """``load.connections`` connections to ``host``:``port``, for the requests of ``arm``."""

    def __init__(self, load: Load, record: Record, arm: int, host: str, port: int) -> None:
        self.arm = arm
        self.endpoint = f"{host}:{port}"
        self.request = request_bytes(load, host, port)
        self.record = record
        self._load = load
        self._host = host
        self._port = port
        self._addresses: list[tuple[socket.AddressFamily, tuple[Any, ...]]] = []
        self._members: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._queue: deque[int] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._closing = False

    async def open(self) -> None:
        """Open all connections, trying again what fails.  Raises `ConnectFailed`."""
        loop = asyncio.get_running_loop()
        deadline_s = time.monotonic() + CONNECT_WITHIN_S
        try:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise ConnectFailed(self.endpoint, _text(error)) from None
        self._addresses = [(family, address) for family, _, _, _, address in found]
        slots = asyncio.Semaphore(AT_ONCE)
        opening = [
            asyncio.ensure_future(self._open_first(slots, deadline_s))
            for _ in range(self._load.connections)
        ]
        try:
            await asyncio.gather(*opening)
        except OSError as error:
            opened = len(self._members)
            raise ConnectFailed(
                self.endpoint,
                f"{_text(error)} ({opened} of {self._load.connections} connections opened)",
            ) from None
        finally:
            for task in opening:
                task.cancel()
            await asyncio.gather(*opening, return_exceptions=True)

    def dispatch(self, request: int) -> None:
        """Send ``request`` now, or as soon as a connection is free."""
        if self._idle:
            self._idle.popleft().send(request)
        else:
            self.record.starved[request] = 1
            self._queue.append(request)

    def release(self, connection: Connection) -> None:
        """``connection`` is free: it takes the oldest waiting request, else it is idle."""
        queue = self._queue
        while queue:
            request = queue.popleft()
            if self.record.state[request] == WAITING:
                connection.send(request)
                return
        self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        """``connection`` is gone or going: replace it.  A second call does nothing."""
        if connection not in self._members:
            return
        self._members.discard(connection)
        with suppress(ValueError):
            self._idle.remove(connection)
        if not self._closing:
            attempt = 0 if connection.served else connection.attempt + 1
            task = asyncio.ensure_future(self._reopen(attempt))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def expire(self, request: int) -> None:
        """``request`` was due ``timeout_s`` ago: give it up unless it is settled."""
        state = self.record.state[request]
        if state == WAITING:
            self.record.state[request] = EXPIRED
        elif state == SENT:
            for connection in self._members:
                if connection.request == request:
                    connection.fail(f"no answer within {self._load.timeout_s:g} s")
                    break

    async def close(self) -> None:
        """Close all connections and wait until the event loop has done so."""
        self._closing = True
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        members = list(self._members)
        for connection in members:
            connection.close()
        self._members.clear()
        await asyncio.gather(*(connection.closed for connection in members))

    async def _open_first(self, slots: asyncio.Semaphore, deadline_s: float) -> None:
        async with slots:
            while True:
                left_s = deadline_s - time.monotonic()
                try:
                    connection = await self._connect(0, max(left_s, RETRY_EVERY_S))
                except OSError:
                    if left_s < RETRY_EVERY_S:
                        raise
                    await asyncio.sleep(RETRY_EVERY_S)
                else:
                    self._idle.append(connection)
                    return

    async def _reopen(self, attempt: int) -> None:
        while True:
            if attempt:
                # The exponent is bounded first: the server may stay away for very long.
                delay_s = FIRST_BACKOFF_S * 2.0 ** min(attempt - 1, 10)
                await asyncio.sleep(min(delay_s, MAX_BACKOFF_S))
            try:
                connection = await self._connect(attempt, CONNECT_WITHIN_S)
            except OSError:
                attempt += 1
            else:
                self.release(connection)
                return

    async def _connect(self, attempt: int, within_s: float) -> Connection:
        """A new member of the pool.  Raises `OSError`, `TimeoutError` included."""
        *others, last = self._addresses
        for family, address in others:
            with suppress(OSError):
                return await self._connect_to(family, address, attempt, within_s)
        return await self._connect_to(*last, attempt, within_s)

    async def _connect_to(
        self, family: int, address: tuple[Any, ...], attempt: int, within_s: float
    ) -> Connection:
        loop = asyncio.get_running_loop()
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.wait_for(loop.sock_connect(sock, address), within_s)
            connection = Connection(self, sock, parser_for(self._load), attempt)
            await loop.create_connection(lambda: connection, sock=sock)
        except asyncio.TimeoutError:  # not the built-in one on Python 3.10
            sock.close()
            raise TimeoutError("no answer to the connection request") from None
        except BaseException:
            sock.close()
            raise
        if self._closing:
            connection.close()
        else:
            self._members.add(connection)
        return connection


def _text(error: OSError) -> str:
    # Event loops put "Connect call failed" where the system's own words would help more.
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return error.strerror or str(error)
