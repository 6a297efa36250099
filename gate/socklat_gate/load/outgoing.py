"""What leaves by one connection, each byte with its own mark.

The kernel reads a socket's DS field when a segment leaves, and adds what is written to a segment
that has not left yet.  Where the peer's window, the congestion window or a pacer holds bytes back,
these would leave with the mark of what was written after them.  So the mark changes only while
nothing is held back; what comes until then waits here, in its order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from socklat_gate.load.marking import NO_DSFIELD, set_dsfield, unsent_bytes

if TYPE_CHECKING:
    import socket

__all__ = ["Outgoing"]

LOOK_EVERY_S = 0.001


class Outgoing:
    """Sends by ``sock``, and by ``transport`` what the socket does not take at once.

    ``plain``: what is sent now has no mark and waits for nothing, so that the socket itself can be
    used.  Where the kernel's exchanges are not counted, marks need not be exact, and nothing waits.
    """

    __slots__ = ("_dsfield", "_is_exact", "_sock", "_waiting", "plain", "transport")

    def __init__(self, sock: socket.socket, *, is_exact: bool = True) -> None:
        self._sock = sock
        self._is_exact = is_exact
        self.transport: asyncio.Transport
        self._dsfield = NO_DSFIELD
        self._waiting: deque[tuple[bytes, int]] = deque()
        self.plain = True

    def send(self, data: bytes, dsfield: int) -> None:
        """Send ``data`` marked by ``dsfield``, now or as soon as it can be.  Raises `OSError`."""
        if self._waiting:
            self._waiting.append((data, dsfield))
        elif self._change_mark(dsfield):
            self._put(data)
        else:
            self._waiting.append((data, dsfield))
            self.plain = False
            asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)

    def keep(self, data: bytes) -> None:
        """``data`` is what the socket did not take of something without a mark."""
        self.plain = False
        self.transport.write(data)

    def _look(self) -> None:
        """Sends what waits, as far as the marks allow."""
        waiting = self._waiting
        try:
            while waiting and not self.transport.is_closing():
                data, dsfield = waiting[0]
                if not self._change_mark(dsfield):
                    self.plain = False  # else what comes next would overtake this
                    asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)
                    return
                waiting.popleft()
                self._put(data)
        except OSError:
            pass  # the event loop tells it as well
        waiting.clear()

    def _change_mark(self, dsfield: int) -> bool:
        """False while what has another mark is held back."""
        if dsfield == self._dsfield:
            return True
        held_back = self.transport.get_write_buffer_size()
        if self._is_exact and (held_back or unsent_bytes(self._sock)):
            return False
        set_dsfield(self._sock, dsfield)
        self._dsfield = dsfield
        self.plain = dsfield == NO_DSFIELD and not held_back
        return True

    def _put(self, data: bytes) -> None:
        try:
            # Bytes that the transport holds come first.
            sent = 0 if self.transport.get_write_buffer_size() else self._sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self.keep(data[sent:])
