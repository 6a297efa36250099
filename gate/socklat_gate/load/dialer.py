"""Opening sockets to one endpoint."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from socklat_gate.load.handshake_failed import HandshakeFailed, NotReady

__all__ = ["CONNECT_WITHIN_S", "ConnectFailed", "Dialer", "Network", "TcpNetwork"]

CONNECT_WITHIN_S = 5.0
RETRY_EVERY_S = 0.05
FIRST_BACKOFF_S = 0.01
MAX_BACKOFF_S = 1.0

Address = tuple[int, tuple[Any, ...]]
"""Address family and address, as `socket` has them."""


class Opening(Protocol):
    """An `asyncio.Protocol` that may have something to say before it can be used."""

    def opened(self) -> asyncio.Future[None] | None:
        """Done once it can be used, or fails with `OSError`; None when it can be already."""


Made = TypeVar("Made", bound=Opening)


class Network(Protocol):
    """How sockets are connected.  Tests bring one inside the process."""

    async def resolve(self, host: str, port: int) -> list[Address]:
        """Look the host up.  Raises `OSError`."""

    async def connect(self, address: Address) -> socket.socket:
        """A connected, non-blocking stream socket.  Raises `OSError`."""


class TcpNetwork:
    """TCP, without Nagle's algorithm."""

    async def resolve(self, host: str, port: int) -> list[Address]:
        """All addresses of the host."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]

    async def connect(self, address: Address) -> socket.socket:
        """Connect; see `Network`."""
        family, where = address
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, where)
        except BaseException:
            sock.close()
            raise
        return sock


class ConnectFailed(Exception):
    """The endpoint did not take all connections within `CONNECT_WITHIN_S`.

    ``remedy`` is what to do about it, where that is known better than in general.
    """

    def __init__(self, endpoint: str, error: OSError, but: str = "") -> None:
        self.endpoint = endpoint
        self.error = f"{_text(error)}{but}"
        self.remedy = error.remedy if isinstance(error, NotReady) else ""
        super().__init__(f"{endpoint}: {self.error}")


class Dialer:
    """Connects to ``host``:``port``; `resolve` comes first.

    ``refused``: the latest attempt was.
    """

    def __init__(self, host: str, port: int, network: Network) -> None:
        self._host = host
        self._port = port
        self._network = network
        self._addresses: list[Address] = []
        self.refused = False

    async def resolve(self) -> None:
        """Look the host up.  Raises `OSError`."""
        self._addresses = await self._network.resolve(self._host, self._port)

    async def dial(
        self, make: Callable[[socket.socket], Made], within_s: float = CONNECT_WITHIN_S
    ) -> Made:
        """What ``make`` makes of the connected socket, driven by the event loop from then on.

        Tries each address for ``within_s``.  Raises `OSError`, `TimeoutError` included.
        """
        *others, last = self._addresses
        for address in others:
            with suppress(OSError):
                return await self._connect(address, make, within_s)
        return await self._connect(last, make, within_s)

    async def dial_until(self, make: Callable[[socket.socket], Made], deadline_s: float) -> Made:
        """The same, trying again until ``deadline_s`` of the event loop's time."""
        loop = asyncio.get_running_loop()
        refused: OSError | None = None
        while True:
            left_s = deadline_s - loop.time()
            try:
                return await self.dial(make, max(left_s, RETRY_EVERY_S))
            except HandshakeFailed:
                raise
            except OSError as error:
                # What the service did tells more than that the last, short attempt ran out of time.
                if refused is None or not isinstance(error, TimeoutError):
                    refused = error
                if left_s < RETRY_EVERY_S:
                    raise refused from None
                await asyncio.sleep(RETRY_EVERY_S)

    async def redial(self, make: Callable[[int, socket.socket], Made], attempt: int) -> Made:
        """The same without a deadline: pauses grow with ``attempt``, which ``make`` gets, too."""
        while True:
            if attempt:
                # The exponent is bounded first: the server may stay away for very long.
                delay_s = FIRST_BACKOFF_S * 2.0 ** min(attempt - 1, 10)
                await asyncio.sleep(min(delay_s, MAX_BACKOFF_S))
            try:
                return await self.dial(partial(make, attempt))
            except OSError:
                attempt += 1

    async def _connect(
        self, address: Address, make: Callable[[socket.socket], Made], within_s: float
    ) -> Made:
        loop = asyncio.get_running_loop()
        self.refused = False
        try:
            sock = await asyncio.wait_for(self._network.connect(address), within_s)
        except ConnectionRefusedError:
            self.refused = True
            raise
        except asyncio.TimeoutError:  # not the built-in one on Python 3.10
            raise TimeoutError("no response to the connection request") from None
        try:
            protocol = make(sock)
            transport, _ = await loop.create_connection(_as_protocol(protocol), sock=sock)
        except BaseException:
            sock.close()
            raise
        if transport.is_closing():
            raise ConnectionResetError(errno.ECONNRESET, "closed at once")
        try:
            if (opened := protocol.opened()) is not None:
                await asyncio.wait_for(opened, within_s)
        except BaseException as error:
            transport.abort()
            if isinstance(error, asyncio.TimeoutError):  # not the built-in one on Python 3.10
                raise TimeoutError("connected, but the service did not get ready") from None
            raise
        return protocol


def _as_protocol(made: object) -> Callable[[], asyncio.Protocol]:
    return lambda: cast("asyncio.Protocol", made)


def _text(error: OSError) -> str:
    # Event loops put "Connect call failed" where the system's own words would help more.
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return error.strerror or str(error)
