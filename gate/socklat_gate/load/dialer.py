"""Opening sockets to one endpoint."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["CONNECT_WITHIN_S", "ConnectFailed", "Dialer"]

CONNECT_WITHIN_S = 5.0
RETRY_EVERY_S = 0.05

Made = TypeVar("Made", bound=asyncio.Protocol)


class ConnectFailed(Exception):
    """The endpoint did not take all connections within `CONNECT_WITHIN_S`."""

    def __init__(self, endpoint: str, error: OSError, but: str = "") -> None:
        self.endpoint = endpoint
        self.error = f"{_text(error)}{but}"
        super().__init__(f"{endpoint}: {self.error}")


class Dialer:
    """Connects to ``host``:``port``; `resolve` comes first."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._addresses: list[tuple[socket.AddressFamily, tuple[Any, ...]]] = []

    async def resolve(self) -> None:
        """Look the host up.  Raises `OSError`."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        self._addresses = [(family, address) for family, _, _, _, address in found]

    async def dial(
        self, make: Callable[[socket.socket], Made], within_s: float = CONNECT_WITHIN_S
    ) -> Made:
        """What ``make`` makes of the connected socket, driven by the event loop from then on.

        Tries each address for ``within_s``.  Raises `OSError`, `TimeoutError` included.
        """
        *others, last = self._addresses
        for address in others:
            with suppress(OSError):
                return await _connected(*address, make, within_s)
        return await _connected(*last, make, within_s)

    async def dial_until(self, make: Callable[[socket.socket], Made], deadline_s: float) -> Made:
        """The same, trying again until ``deadline_s`` of `time.monotonic`."""
        while True:
            left_s = deadline_s - time.monotonic()
            try:
                return await self.dial(make, max(left_s, RETRY_EVERY_S))
            except OSError:
                if left_s < RETRY_EVERY_S:
                    raise
                await asyncio.sleep(RETRY_EVERY_S)


async def _connected(
    family: int,
    address: tuple[Any, ...],
    make: Callable[[socket.socket], Made],
    within_s: float,
) -> Made:
    loop = asyncio.get_running_loop()
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.wait_for(loop.sock_connect(sock, address), within_s)
        protocol = make(sock)
        transport, _ = await loop.create_connection(lambda: protocol, sock=sock)
    except asyncio.TimeoutError:  # not the built-in one on Python 3.10
        sock.close()
        raise TimeoutError("no response to the connection request") from None
    except BaseException:
        sock.close()
        raise
    if transport.is_closing():
        raise ConnectionResetError(errno.ECONNRESET, "closed at once")
    return protocol


def _text(error: OSError) -> str:
    # Event loops put "Connect call failed" where the system's own words would help more.
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return error.strerror or str(error)
