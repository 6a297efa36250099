"""What the pools have in common: the connections of one arm to its endpoint, and their end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from socklat_gate.load.dialer import Dialer, Network
from socklat_gate.load.protocols.registry import session_for

if TYPE_CHECKING:
    from socklat_gate.load.clock import Clock
    from socklat_gate.load.connection import Connection
    from socklat_gate.load.messages import MessageSource
    from socklat_gate.load.request_log import Record
    from socklat_gate.scenario import Load

__all__ = ["PoolMembers"]


class PoolMembers:
    """Connections to ``endpoint`` for ``arm``."""

    def __init__(
        self,
        load: Load,
        source: MessageSource,
        record: Record,
        arm: int,
        endpoint: tuple[str, int],
        clock: Clock,
        network: Network,
    ) -> None:
        host, port = endpoint
        self.arm = arm
        self.endpoint = f"{host}:{port}"
        self.record = record
        self.now_ns = clock.now_ns
        self._load = load
        self._new_session = session_for(load, source, host, port)
        self._dialer = Dialer(host, port, network)
        self._members: set[Connection] = set()

    def _expire_sent(self, request: int) -> None:
        """Give up ``request``, which is in flight on one of the connections."""
        for connection in self._members:
            if connection.request == request:
                connection.fail("timeout", f"no response within {self._load.timeout_s:g} s")
                break

    async def _close_members(self) -> None:
        """Close all connections and wait until the event loop has done so."""
        members = list(self._members)
        self._members.clear()
        for connection in members:
            connection.close()
        await asyncio.gather(*(connection.closed for connection in members))
