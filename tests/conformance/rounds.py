"""Two targets under different load at the same time, counted side by side, round by round."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from socklat_gate.probe.probe import SocketProbe
from tests.conformance.stand import EVER_NS, ask, eventually, open_connections

__all__ = ["Counted", "Side", "one_round"]

MOST_REQUESTS = 31
MOST_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Side:
    """A running echo service of requests of ``length`` bytes; lengths tell the sides apart."""

    netns_inode: int
    host: str
    port: int
    length: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What was sent to one side in a round, and all that the probe counted there."""

    requests: int
    connections: int
    length: int
    counters: Mapping[str, int]

    @property
    def exact(self) -> bool:
        """Every exchange, connection and byte is this side's own, and none of them is missing."""
        own = {
            "seen": self.requests,
            "recorded": self.requests,
            "connections": self.connections,
            # As in tcp_info, the FIN that ends a connection is one byte of its sequence.
            "bytes_rx": self.requests * self.length + self.connections,
            "adopted": 0,
            "dependencies": 0,
        }
        return all(self.counters[name] == value for name, value in own.items())


def one_round(probe: SocketProbe, sides: Sequence[Side], rng: random.Random) -> list[Counted]:
    """Random numbers of requests and connections to all sides at once; slots are their indices.

    Raises `AssertionError` when a service stops responding or a connection stays in the map.
    """
    plans = [(rng.randint(1, MOST_REQUESTS), rng.randint(1, MOST_CONNECTIONS)) for _ in sides]
    for slot, side in enumerate(sides):
        probe.watch(slot, side.netns_inode, side.port)
        probe.record_between(slot, 0, EVER_NS)
    try:
        together = threading.Barrier(len(sides))
        with ThreadPoolExecutor(len(sides)) as threads:
            loads = [
                threads.submit(_load, side, *plan, together)
                for side, plan in zip(sides, plans, strict=True)
            ]
        for load in loads:
            load.result()
        for side in sides:
            eventually(lambda inode=side.netns_inode: not open_connections(probe, inode))  # type: ignore[misc]
        return [
            Counted(each * connections, connections, side.length, probe.read(slot).counters)
            for slot, (side, (each, connections)) in enumerate(zip(sides, plans, strict=True))
        ]
    finally:
        for slot in range(len(sides)):
            probe.forget(slot)


def _load(side: Side, each: int, connections: int, together: threading.Barrier) -> None:
    request = b"x" * side.length
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection((side.host, side.port), timeout=10.0))
            for _ in range(connections)
        ]
        together.wait(10.0)
        for _ in range(each):
            for client in clients:
                ask(client, request, side.length)
