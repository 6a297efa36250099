"""Where the driver has its time from, and what wakes it when a request is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from socklat_gate.load.timerfd import TimerFd

__all__ = ["Clock", "MonotonicClock", "Timer"]


class Timer(Protocol):
    """One-shot; calls what it was made with from the event loop."""

    def set(self, at_ns: int) -> None:
        """Fire at ``at_ns`` of the clock, at once when that is past; forgets an earlier time."""

    def close(self) -> None:
        """Never fire again; a second call does nothing."""


class Clock(Protocol):
    """Nanoseconds that only go forward.  Tests bring one that does not wait."""

    def now_ns(self) -> int:
        """The time now."""

    def timer(self, on_fire: Callable[[], None]) -> Timer:
        """A timer of the running event loop."""


class MonotonicClock:
    """CLOCK_MONOTONIC, which the kernel's probe uses too."""

    now_ns = staticmethod(time.monotonic_ns)

    def timer(self, on_fire: Callable[[], None]) -> Timer:
        """One that is as precise as the kernel's high-resolution timers."""
        return _LoopTimer(on_fire)


class _LoopTimer:
    """A `TimerFd` that the running event loop watches."""

    def __init__(self, on_fire: Callable[[], None]) -> None:
        self._timer = TimerFd()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._timer.fd, on_fire)

    def set(self, at_ns: int) -> None:
        """See `Timer`."""
        self._timer.set(at_ns)

    def close(self) -> None:
        """See `Timer`."""
        if self._timer.fd >= 0:
            self._loop.remove_reader(self._timer.fd)
            self._timer.close()
