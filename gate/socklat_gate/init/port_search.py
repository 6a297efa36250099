"""Where a container that was just started can be asked: the ports on which it listens."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.tcp_listeners import Listener, listeners, reachable_ports

__all__ = ["PortSearch"]

TRY_TIMEOUT_S = 1.0
SETTLE_S = 1.5
"""So long further ports may follow the first one."""

MOST_PORTS = 8
FIRST_EPHEMERAL_PORT = 32768
"""What a library opens for itself is mostly above."""


class PortSearch:
    """An attempt for `ServiceSession`: succeeds once the container can be asked.

    ``declared`` are the ports on which it may be asked, in order; none: on any that it listens on.
    Afterwards ``ports`` are those that take connections, in order, and ``others`` those that listen
    besides.  ``ipv6_only``: it listens, but takes none by the IPv4 address that it has.
    """

    def __init__(self, declared: Sequence[int]) -> None:
        self._declared = tuple(declared)
        self._first_s: float | None = None
        self._item: ContainerProcess | None = None
        self.ports: tuple[int, ...] = ()
        self.others: tuple[int, ...] = ()
        self.ipv6_only = False

    def __call__(self, item: ContainerProcess) -> str:
        """Why it cannot be asked yet, empty when it can."""
        found = _listeners(item.pid)
        listening = [port for port in reachable_ports(found) if port < FIRST_EPHEMERAL_PORT]
        wanted = self._declared or tuple(listening[:MOST_PORTS])
        ports = tuple(port for port in wanted if _connects(item.address, port))
        if not ports and any(_takes_ipv6_alone(found, port, item.address) for port in wanted):
            self.ipv6_only = True
            return ""
        if not ports:
            named = f"port {', '.join(map(str, wanted))}" if wanted else "any port"
            return f"it takes no connection on {named}{_listening_text(found, listening)}"
        if self._first_s is None:
            self._first_s = time.monotonic()
        complete = bool(self._declared) and len(ports) == len(self._declared)
        if not complete and time.monotonic() - self._first_s < SETTLE_S:
            return "further ports may follow"
        self._item = item
        self.ports = ports
        self.others = tuple(port for port in listening if port not in ports)
        return ""

    def look_again(self) -> tuple[int, ...]:
        """The ports that take connections by now, those from before first."""
        if self._item is not None and not self._declared:
            known = {*self.ports, *self.others}
            item, listening = self._item, reachable_ports(_listeners(self._item.pid))
            new = [one for one in listening if one < FIRST_EPHEMERAL_PORT and one not in known]
            taking = tuple(port for port in new if _connects(item.address, port))
            self.ports = (*self.ports, *taking)[:MOST_PORTS]
        return self.ports


def _listeners(pid: int) -> list[Listener]:
    try:
        return list(listeners(pid))
    except OSError:
        return []


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=TRY_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _takes_ipv6_alone(found: Sequence[Listener], port: int, host: str) -> bool:
    here = [one for one in found if one.port == port and not one.inside_only]
    return ":" not in host and bool(here) and all(one.address.version == 6 for one in here)


def _listening_text(found: Sequence[Listener], listening: Sequence[int]) -> str:
    if listening:
        return f"; it listens on {', '.join(map(str, listening))}"
    inside = sorted({f"{one.address}:{one.port}" for one in found if one.inside_only})
    alone = ", where nothing outside of it can connect: let it listen on 0.0.0.0"
    return f"; it listens on {', '.join(inside[:MOST_PORTS])} alone{alone}" if inside else ""
