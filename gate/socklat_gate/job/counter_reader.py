"""Looks at the counters of all replicas about ten times a second, in a thread of its own.

Nothing of it is on the way of a request or a switch of threads, and it makes no system call but a
few reads.  A look that took long tells of different moments, and is left out; a look that came late
makes one longer interval, which is as good as two.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from socklat_gate.service.container_counters import ContainerCounters, Counters

__all__ = ["EVERY_NS", "CounterReader", "CounterRing", "Sample", "Unread"]

log = logging.getLogger(__name__)

EVERY_NS = 100_000_000
LONGEST_NS = 250_000_000
"""Between looks, where one takes long: a stop of 800 ms still has two whole intervals."""
MOST = 0.01
"""Of one CPU, that looks may take."""

TORN_NS = 10_000_000
"""A look at one container that took longer is left out: whoever read was stopped in it."""

KEPT = 600
"""Looks at a replica: a minute of them."""

ENDS_S = 5.0

Unread = Literal["cgroup", "thread"]
"""Why there are no looks: its control group cannot be read here, or no thread can be started."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was counted at a moment (CLOCK_MONOTONIC)."""

    at_ns: int
    counters: Counters


class CounterRing:
    """The last looks at one container, written by the reader and read by whoever needs them."""

    def __init__(self, counters: ContainerCounters) -> None:
        self._counters = counters
        self._lock = threading.Lock()
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._gone = False

    def samples(self) -> Sequence[Sample]:
        """In the order of time."""
        with self._lock:
            return tuple(self._samples)

    def look(self) -> None:
        """Adds a sample; one that is gone or torn is none."""
        if self._gone:
            return
        at_ns = time.monotonic_ns()
        found = self._counters.read()
        if found is None:
            self._gone = True
            self._counters.close()
        elif time.monotonic_ns() - at_ns <= TORN_NS:
            with self._lock:
                self._samples.append(Sample(at_ns, found))

    def close(self) -> None:
        """No more looks, while the reader is not at work; harmless when called twice."""
        self._gone = True
        self._counters.close()


class CounterReader:
    """Until `close`; the thread begins with the first container."""

    def __init__(self) -> None:
        self._rings: tuple[CounterRing, ...] = ()
        self._changing = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.every_ns = EVERY_NS

    def follow(self, pid: int) -> CounterRing | Unread:
        """Looks at the container of process ``pid`` from now on; or why it cannot."""
        counters = ContainerCounters(pid)
        if counters.read() is None:
            counters.close()
            return "cgroup"
        if not self._begun():
            counters.close()
            return "thread"
        ring = CounterRing(counters)
        with self._changing:
            self._rings = (*self._rings, ring)
        return ring

    def leave(self, rings: Iterable[CounterRing]) -> None:
        """Looks at these no more."""
        gone = set(rings)
        with self._changing:
            self._rings = tuple(ring for ring in self._rings if ring not in gone)
            for ring in gone:
                ring.close()

    def close(self) -> None:
        """No more looks, and waits until the thread has ended; harmless when called twice."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(ENDS_S)
        self.leave(self._rings)

    def look(self) -> int:
        """One look at each; the CPU time (ns) that it took this thread."""
        begun_ns = time.thread_time_ns()
        with self._changing:
            for ring in self._rings:
                ring.look()
        return time.thread_time_ns() - begun_ns

    def _begun(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="counters", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # a limit of processes
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while not self._ending.wait(self.every_ns / 1e9):
            took_ns = self.look()
            self.every_ns = min(LONGEST_NS, max(EVERY_NS, round(took_ns / MOST)))
