"""Why a service may not be reached: where it listens instead."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.tcp_listeners import listeners, reachable_ports

__all__ = ["ListeningHint", "listening_hint"]

USUAL = "check service.port and service.ready, or give a larger service.ready.timeout_s"
MOST_PORTS = 5
TRY_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class ListeningHint:
    """``found`` continues a sentence ("" where nothing was), ``remedy`` is what to do about it."""

    found: str = ""
    remedy: str = USUAL


def listening_hint(item: ContainerProcess, port: int) -> ListeningHint:
    """Of a container that was not ready: by what its network namespace listens on."""
    try:
        found = list(listeners(item.pid))
    except OSError:
        return ListeningHint()
    here = [one for one in found if one.port == port]
    if here and all(one.inside_only for one in here):
        return ListeningHint(
            f"; it listens on {here[0].address} alone, where nothing outside of it can connect",
            "let it listen on 0.0.0.0 (or [::]) in the container",
        )
    if here and all(one.address.version == 6 for one in here) and _refuses(item.address, port):
        return ListeningHint(
            f"; it listens on port {port} by IPv6 alone",
            "set service.ipv6 = true, so that it is reached by IPv6",
        )
    if here and ":" in item.address and all(one.address.version == 4 for one in here):
        return ListeningHint(
            f"; it listens on port {port} by IPv4 alone",
            "remove service.ipv6, so that it is reached by IPv4",
        )
    others = reachable_ports(found)[:MOST_PORTS]
    if here or not others:
        return ListeningHint()
    listed = ", ".join(map(str, others))
    return ListeningHint(
        f"; it listens on {listed}, not on {port}",
        f"set service.port to the one of {listed} that is to be measured, or "
        "service.ready.timeout_s to a larger number",
    )


def _refuses(host: str, port: int) -> bool:
    """Whether IPv4 leads nowhere: a socket on an IPv6 address may take both."""
    if ":" in host:
        return False
    try:
        socket.create_connection((host, port), timeout=TRY_TIMEOUT_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
