"""How many processes send a load.

One delivers what docs/lab/load.md says; more cost memory and CPUs that the service may want, so
there are more only where one would be late.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from socklat_gate.load.cpuset import parse_cpuset
from socklat_gate.scenario.rate_steps import peak_rate

if TYPE_CHECKING:
    from socklat_gate.measured.pair import Interleave
    from socklat_gate.scenario import Load

__all__ = ["count_workers"]

FULL = 0.7
"""Part of a core up to which a worker's lateness stays as it is when it has nothing to do."""

COST_US = {"tcp": 26.0, "http": 26.0, "grpc": 80.0, "websocket": 40.0}
"""Measured of HTTP/1.1, and taken for plain TCP.

Those of gRPC (a message that differs each time, on top of HTTP/2) and WebSocket are rounded up from
what their sessions take alone: ``python -m tests.benchmarks.framed``.
"""
HTTP2_US = 47.0
TLS_US = 6.0
"""On top: encryption, when it is busy."""
FRESH_US, FRESH_TLS_US = 250.0, 740.0
"""Of a connection for each request, and of one with its handshake."""


def count_workers(load: Load, arms: int, interleave: Interleave, cpus: int | None = None) -> int:
    """``load.workers``, or as many as its rate needs and ``cpus`` and connections allow.

    By default these are the CPUs that this process may use.  Half of them are the service's: with
    fewer than 4 there is one worker unless the scenario wants more.  Raises `UsageError` for a CPU
    set that cannot be read.
    """
    if load.workers != "auto":
        # Of several containers each has a part of the connections.
        return min(load.workers, load.connections)
    if cpus is None:
        cpus = len(os.sched_getaffinity(0))
    most = cpus // 2
    if load.cpuset is not None:
        most = min(most, len(parse_cpuset(load.cpuset)))
    # In turns one arm at a time has the rate.
    rate = peak_rate(load) * (1 if interleave == "slice" else arms)
    needed = math.ceil(rate * cost_us(load) / 1e6 / FULL)
    return max(1, min(needed, most, load.connections))


def cost_us(load: Load) -> float:
    """CPU time of a request, in us, when the driver is busy."""
    if not load.keep_alive:
        return FRESH_US if load.tls is None else FRESH_TLS_US
    cost = HTTP2_US if load.driver == "http" and load.http == "2" else COST_US[load.driver]
    return cost if load.tls is None else cost + TLS_US
