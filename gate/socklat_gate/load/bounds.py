"""Bounds of a load that follow from other settings where the scenario leaves them out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from socklat_gate.scenario.rate_steps import mean_rate, peak_rate

if TYPE_CHECKING:
    from socklat_gate.scenario import Load

__all__ = [
    "MOST_CONNECTIONS",
    "for_containers",
    "for_turns",
    "longest_s",
    "max_connections_of",
    "with_extension",
]

GROWTH = 10
EXTENSION = 4
LONGEST_S = 600.0
PAUSE_S = 1.25
MOST_CONNECTIONS = 10_000


def longest_s(load: Load) -> float:
    """The measured window in s, unless it is ended early."""
    return load.duration_s if load.max_duration_s is None else load.max_duration_s


def with_extension(load: Load) -> Load:
    """The load with a limit for its extension: `EXTENSION` times its length unless it has one."""
    if load.max_duration_s is not None:
        return load
    most_s = min(EXTENSION * load.duration_s, max(load.duration_s, LONGEST_S))
    return load.model_copy(update={"max_duration_s": most_s})


def for_turns(load: Load, arms: int) -> Load:
    """The load where each of the arms has its part of the time: as many requests take longer."""
    longer: dict[str, object] = {
        name: arms * value
        for name in ("duration_s", "max_duration_s", "warmup_s")
        if (value := getattr(load, name)) is not None
    }
    if isinstance(load.rate, list):
        longer["rate"] = [[arms * begin_s, rate] for begin_s, rate in load.rate]
    return load.model_copy(update=longer)


def for_containers(load: Load, containers: int) -> Load:
    """The load that each of an arm's containers gets: its part of the rate and the connections.

    All of them get as many connections, at least 1, so that together they may have a few more than
    ``load.connections``: containers with different numbers would not be alike.
    """
    if containers == 1:
        return load
    rate = load.rate
    part: dict[str, object] = {
        "rate": [[begin_s, each / containers] for begin_s, each in rate]
        if isinstance(rate, list)
        else mean_rate(load) / containers,
        "connections": math.ceil(load.connections / containers),
    }
    if load.max_connections is not None:
        part["max_connections"] = math.ceil(load.max_connections / containers)
    return load.model_copy(update=part)


def max_connections_of(load: Load) -> int:
    """How many connections an arm's pool may open; at least ``load.connections``.

    Where the scenario sets none: `GROWTH` times those, or if that is more, enough for each request
    of a pause of `PAUSE_S` to have its own; `MOST_CONNECTIONS` at most.  None are added where a
    connection has several streams: what waits is judged by the driver's clock there, and a service
    that takes fewer streams shall not get more connections for it.
    """
    if load.max_connections is not None:
        return load.max_connections
    if load.streams > 1:
        return load.connections
    wanted = max(GROWTH * load.connections, math.ceil(PAUSE_S * peak_rate(load)))
    return min(wanted, MOST_CONNECTIONS)
