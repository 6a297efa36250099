"""CPU time of containers over a run's window, beside the requests that came in meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.job.driver_clock import DriverClock
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.service.cpu_time import CpuMeter, CpuUse

__all__ = ["CpuReadings", "CpuTime"]


@dataclass(frozen=True, slots=True)
class CpuTime:
    """CPU time of a container while ``exchanges`` requests came in; all 0 when not known."""

    used_ns: int = 0
    exchanges: int = 0
    throttled_us: int | None = None
    involuntary_switches: int | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """CPU time of a container (None: not known) and exchanges ``seen``, both until ``at_ns``."""

    use: CpuUse | None
    seen: int
    at_ns: int


class CpuReadings:
    """Those of the containers in the probe's slots, which have the processes ``pids``."""

    def __init__(self, probe: SocketProbe, pids: Sequence[int]) -> None:
        self._probe = probe
        self._meters = [CpuMeter(pid) for pid in pids]
        self._before: list[_Reading] = []
        self._after: list[_Reading] = []

    @property
    def begun(self) -> bool:
        """Whether the window's begin was read."""
        return bool(self._before)

    def begin(self) -> None:
        """The window has begun."""
        self._before = self._read()

    def end(self) -> None:
        """The window is over; a second call changes nothing."""
        self._after = self._after or self._read()

    def times(self, by_driver: DriverClock | None) -> list[CpuTime]:
        """CPU time by slot; ``by_driver`` counts the requests where the kernel cannot."""
        if not self._before:
            return [CpuTime() for _ in self._meters]
        return [self._time(slot, by_driver) for slot in range(len(self._meters))]

    def _read(self) -> list[_Reading]:
        return [
            _Reading(meter.read(), self._probe.seen(slot), time.monotonic_ns())
            for slot, meter in enumerate(self._meters)
        ]

    def _time(self, slot: int, by_driver: DriverClock | None) -> CpuTime:
        before, after = self._before[slot], self._after[slot]
        if before.use is None or after.use is None:
            return CpuTime()
        use = after.use.since(before.use)
        exchanges = after.seen - before.seen
        if by_driver is not None:
            exchanges = by_driver.sent_between(slot, before.at_ns, after.at_ns)
        return CpuTime(use.used_ns, exchanges, use.throttled_us, use.involuntary_switches)
