"""How many connections a second this machine has ports for."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario.rate_steps import mean_rate

if TYPE_CHECKING:
    from socklat_gate.scenario import Load

__all__ = ["check_ports", "driver_closes_first"]

WAIT_S = 60
"""TCP_TIMEWAIT_LEN: so long the port of the side that closed first cannot be used again."""
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL = (32_768, 60_999)


def driver_closes_first(load: Load) -> bool:
    """Whether the driver ends the connections: HTTP/1.1 asks the service to do so."""
    return load.driver != "http" or load.http != "1.1"


def check_ports(load: Load, port_range: Path = RANGE) -> None:
    """Raises `UsageError` (BAD_SCENARIO) when ``load.rate`` is above what the ports allow.

    Only where each request has a connection of its own that the driver closes.
    """
    if load.keep_alive or not driver_closes_first(load):
        return
    first, last = USUAL
    with suppress(OSError, ValueError):
        first, last = map(int, port_range.read_text("ascii").split())
    most = (last - first + 1) // WAIT_S
    rate = mean_rate(load)
    if rate > most:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"load.rate = {rate:g} with load.keep_alive = false: this machine has "
            f"{last - first + 1} ports for connections to a service, and each is blocked for "
            f"{WAIT_S} s after its connection was closed, which is enough for {most} requests "
            "a second",
            remedy=f"set load.rate to {most} or less, or give the machine more ports by the "
            "sysctl net.ipv4.ip_local_port_range",
        )
