"""What the pools have in common: the connections of one arm to its endpoint, and their end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from socklat_gate.load.dialer import Dialer, Network
from socklat_gate.load.protocols.registry import session_for

if TYPE_CHECKING:
    from socklat_gate.load.clock import Clock
    from socklat_gate.load.connection import Connection
    from socklat_gate.load.messages import MessageSource
    from socklat_gate.load.request_log import Record
    from socklat_gate.scenario import Load

__all__ = ["ArmLoad", "PoolMembers"]


@dataclass(frozen=True, slots=True)
class ArmLoad:
    """The part of a load that one pool sends: the requests of ``arm``, to ``endpoint``."""

    load: Load
    source: MessageSource
    record: Record
    arm: int
    endpoint: tuple[str, int]
    clock: Clock
    network: Network


class PoolMembers:
    """Connections to the endpoint of one arm."""

    def __init__(self, part: ArmLoad) -> None:
        host, port = part.endpoint
        self.arm = part.arm
        self.endpoint = f"{host}:{port}"
        self.record = part.record
        self.now_ns = part.clock.now_ns
        self._load = part.load
        self._new_session = session_for(part.load, part.source, host, port)
        self._dialer = Dialer(host, port, part.network)
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
