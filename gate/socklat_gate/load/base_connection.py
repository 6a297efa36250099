"""What any connection of the driver does: it opens, says what is no request, and closes."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from socklat_gate.load.marking import CONTROL_DSFIELD
from socklat_gate.load.opening import Opening
from socklat_gate.load.outgoing import Outgoing

if TYPE_CHECKING:
    from socklat_gate.load.connection_owner import ConnectionOwner
    from socklat_gate.load.protocols.session import ClientSession

__all__ = ["BaseConnection"]

CLOSE_WITHIN_S = 1.0
"""So long a service that announced a close has time for it."""
RESET = struct.pack("ii", 1, 0)
"""Value of SO_LINGER with which a close is a reset, which leaves the port free."""


class BaseConnection(asyncio.Protocol):
    """``served`` is true once a response came.

    ``attempt`` counts the connections opened in a row, this one last, that served nothing.
    ``extra`` marks one that was opened while requests waited.  Until it has served, the service may
    refuse it by closing it, with or without an error reply before; the request is then requeued.
    ``port`` is the local one (0: it has none); ``closed`` is done when it is.
    """

    __slots__ = (
        "_now_ns",
        "_opening",
        "_outgoing",
        "_owner",
        "_session",
        "_sock",
        "_transport",
        "attempt",
        "closed",
        "extra",
        "port",
        "served",
    )

    def __init__(
        self,
        owner: ConnectionOwner[Any],
        sock: socket.socket,
        session: ClientSession,
        attempt: int,
        *,
        extra: bool = False,
    ) -> None:
        self._owner = owner
        self._now_ns = owner.now_ns
        self._sock = sock
        self._session = session
        self._transport: asyncio.Transport
        self._outgoing = Outgoing(sock)
        self._opening: Opening | None = None
        if not session.ready:
            note = partial(owner.record.handshake, owner.arm)
            self._opening = Opening(session, owner.now_ns, note)
        name = sock.getsockname()
        self.port: int = name[1] if isinstance(name, tuple) else 0
        self.served = False
        self.attempt = attempt
        self.extra = extra
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def opened(self) -> asyncio.Future[None] | None:
        """Done once requests can be sent; None when they can be already.

        It fails as `Opening.done` does.
        """
        return None if self._opening is None else self._opening.done

    def await_close(self) -> None:
        """Let the service close first, as it announced: it is its port that then waits, not ours.

        A port of the side that closed first cannot be used again for a minute.
        """
        if not self._transport.is_closing():
            asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, self._reset)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and begin the conversation."""
        self._transport = self._outgoing.transport = cast("asyncio.Transport", transport)
        if self._opening is not None:
            self._opening.begin()
        if self._session.has_control:
            self._send_control(CONTROL_DSFIELD)

    def _reset(self) -> None:
        """End a connection that the service did not close."""
        if not self.closed.done():
            with suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._transport.abort()

    def _send_control(self, dsfield: int) -> None:
        """What the session has to say beside requests."""
        self._say(self._session.control(), dsfield)

    def _say(self, data: bytes, dsfield: int) -> None:
        """Send what is no part of a request, marked as such."""
        if data:
            with suppress(OSError):  # the event loop tells it as well
                self._outgoing.send(data, dsfield)
