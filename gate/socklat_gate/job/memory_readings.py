"""Peak memory of containers until a run's end."""

from __future__ import annotations

import time
from collections.abc import Sequence

from socklat_gate.service.memory_use import MemoryMeter

__all__ = ["MemoryReadings"]

EVERY_NS = 500_000_000
"""Reading a container's account makes the kernel sum it up, some tens of microseconds."""


class MemoryReadings:
    """Those of the containers that have the processes ``pids``, in their order."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._meters = [MemoryMeter(pid) for pid in pids]
        self._read_ns = 0

    def poll(self) -> None:
        """May be called as often as it suits while the load runs."""
        now_ns = time.monotonic_ns()
        if now_ns < self._read_ns + EVERY_NS:
            return
        self._read_ns = now_ns
        for meter in self._meters:
            meter.held_bytes()

    def peaks_bytes(self) -> list[int]:
        """The most that each held since it was started; 0 where that is not known."""
        return [meter.peak_bytes() or 0 for meter in self._meters]
