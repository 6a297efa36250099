"""Names that scenarios, results and reports have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

__all__ = [
    "BAD_STATUS",
    "CAPACITY",
    "CAPACITY_RPS",
    "CLIENT",
    "CONNECTIONS",
    "CPU",
    "ERRORS",
    "GROWTH",
    "MEMORY",
    "OF_CONTAINER",
    "REDIRECT",
    "REQUEST_STAGES",
    "SPIKES",
    "STARTUP",
    "STOPS",
    "WHOLE",
    "Mode",
    "Stage",
    "Unit",
    "named",
    "unit_of",
]

REDIRECT, BAD_STATUS = 300, 400
"""HTTP statuses from which on a response leads elsewhere, and from which on it is an error."""

WHOLE = ("response", "service")
"""Stages that stand for a whole exchange: the second in runs that are older than the first."""

CLIENT: Final = "client"
"""The stage of the load driver's own clock: from a request's due time to its response's last byte.

It stands in place of the kernel's stages of an exchange where a connection has several streams.
"""

SPIKES = "spikes"
"""The name of rare spikes as a metric, in a waiver."""

STOPS, GROWTH = "stops", "growth"
"""What the watch shows: stops of replicas, and what grows with their age."""

ERRORS, CAPACITY, CONNECTIONS = "errors", "capacity", "connections"
"""The names of what else is counted: in verdicts and in waivers."""

CAPACITY_RPS = "capacity_rps"
"""The name of the metric of stage ``capacity``: the highest rate that an arm carries.

``capacity`` counts pairs in which an arm did not carry the scenario's own rate.
"""

CPU: Final = "cpu"
STARTUP: Final = "startup"
MEMORY: Final = "memory"
OF_CONTAINER: Mapping[str, str] = {
    CPU: "cpu_per_request",
    STARTUP: "startup",
    MEMORY: "peak_memory",
}
"""Stages of which a container has one number and no distribution, and their metrics' names."""

Unit = Literal["ns", "bytes"]

REQUEST_STAGES = (
    "response",
    "service",
    "recv_wait",
    "app",
    "respond",
    "send_wait",
    "deliver",
    "rx_stack",
    "bridge",
    "tx_stack",
    "upload",
)
"""Stages that belong to one exchange, and so to one named request (`measured.records`)."""


def named(name: str, request: str | None) -> str:
    """Of a metric or a count: ``response_p99[cart]`` of a named request, else as it is."""
    return f"{name}[{request}]" if request else name


def unit_of(stage: str) -> Unit:
    """What a metric of this stage is counted in."""
    return "bytes" if stage == MEMORY else "ns"


Mode = Literal["single", "paired"]
"""How a campaign's image was measured; see `measured.campaign.Campaign`."""

Stage = Literal[
    "client",
    "response",
    "service",
    "recv_wait",
    "app",
    "respond",
    "send_wait",
    "deliver",
    "rx_stack",
    "bridge",
    "tx_stack",
    "upload",
    "accept_wait",
    "depend",
    "depend_connect",
    "established",
    "internal",
    "runq",
    "rx_process",
]
