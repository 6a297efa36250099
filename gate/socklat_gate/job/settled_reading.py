"""What the probe has of a run, once the end of the driver's connections has reached it.

The driver has closed them all, but a busy machine processes what that sends later.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.reading import Reading

__all__ = ["settled_reading"]

RESPONDING_WITHIN_S = 5.0
"""Exchanges that have a response end with the connection, when a CPU comes to its last segments."""
OPEN_WITHIN_S = 0.5
"""Those without one may be open as long as the service likes."""
LOOK_EVERY_S = 0.02


def settled_reading(
    probe: SocketProbe,
    slot: int,
    now_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Reading:
    """The slot's reading, with as few open exchanges as it comes to have, of one moment."""
    begun_s = now_s()
    while True:
        reading = probe.read(slot)
        within_s = OPEN_WITHIN_S
        # Maps are read one after the other: an exchange can end between two of them.
        if reading.responding or not _adds_up(reading):
            within_s = RESPONDING_WITHIN_S
        elif not reading.counters["pending"]:
            return reading
        if now_s() - begun_s > within_s:
            return reading
        sleep(LOOK_EVERY_S)


def _adds_up(reading: Reading) -> bool:
    counters = reading.counters
    parts = ("recorded", "filtered", "no_response", "dropped_map_full", "pending")
    return counters["seen"] == sum(counters[part] for part in parts)
