"""When a pool opens more connections than it began with."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Protocol

from socklat_gate.load.request_log import Record

__all__ = ["GrowingPool", "Growth"]

CHECK_EVERY_S = 0.002
GROW_AFTER_NS = 1_000_000
"""A request that waits for longer needs a connection; what a late driver sends at once does not."""
AT_ONCE = 8
"""Opening costs the driver 0.1 ms each: more at once would make due requests late."""
BACK_OFF_NS = 1_000_000_000
"""For so long nothing is opened after a connection that the service did not take."""


class GrowingPool(Protocol):
    """What growth needs of a pool; ``queue`` are the requests that wait, oldest first."""

    queue: deque[int]
    record: Record

    def now_ns(self) -> int:
        """The time now."""

    @property
    def size(self) -> int:
        """Connections that are open or being opened."""

    async def add_extra(self) -> None:
        """Open one more connection.  Raises `OSError`."""

    def spawn(self, opening: Coroutine[None, None, None]) -> None:
        """Run ``opening`` until the pool is closed."""


class Growth:
    """Opens connections for a pool, one for each request that waits, up to ``most`` in all."""

    def __init__(self, pool: GrowingPool, most: int) -> None:
        self._pool = pool
        self._most = most
        self._opening = 0
        self._not_before_ns = 0
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """A request waits: check soon whether it still does."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(CHECK_EVERY_S, self._check)

    def back_off(self) -> None:
        """The service did not take a connection: leave it alone for a while."""
        self._not_before_ns = self._pool.now_ns() + BACK_OFF_NS

    def close(self) -> None:
        """Open nothing more."""
        self._most = 0
        if self._timer is not None:
            self._timer.cancel()

    def _check(self) -> None:
        self._timer = None
        self._open()
        if self._pool.queue and self._may_open():
            self.watch()

    def _may_open(self) -> bool:
        return self._pool.size < self._most and self._pool.now_ns() >= self._not_before_ns

    def _open(self) -> None:
        """Open what is missing, unless enough are being opened already."""
        queue = self._pool.queue
        if not queue or self._pool.now_ns() - self._pool.record.woke_ns[queue[0]] < GROW_AFTER_NS:
            return
        while self._opening < min(len(queue), AT_ONCE) and self._may_open():
            self._opening += 1
            self._pool.spawn(self._add())

    async def _add(self) -> None:
        try:
            await self._pool.add_extra()
        except OSError:
            self.back_off()
            return
        finally:
            self._opening -= 1
        self._open()
