"""What names the mechanism of replicas' stops: looks at their counters, and the stolen CPUs."""

from __future__ import annotations

import os
from collections.abc import Iterable

from socklat_gate.job.counter_reader import CounterReader, CounterRing, Unread
from socklat_gate.job.recent_stalls import RecentStalls
from socklat_gate.job.replica_log import ReplicaLog
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.records import Records

__all__ = ["StopCounters"]


class StopCounters:
    """Looks are taken from the first `follow` until `close`."""

    def __init__(self) -> None:
        self._reader = CounterReader()
        self._stalls = RecentStalls()
        self._unread: Unread | None = None

    def close(self) -> None:
        """No more looks; harmless when called twice."""
        self._reader.close()

    @property
    def notes(self) -> tuple[Note, ...]:
        """Why stops have no name."""
        return (Note(NoteCode.STOPS_NOT_NAMED, self._unread),) if self._unread else ()

    def follow(self, pid: int) -> tuple[CounterRing | None, frozenset[int]]:
        """The looks at the container of process ``pid``, and the CPUs that it may use."""
        found = self._reader.follow(pid)
        if not isinstance(found, CounterRing):
            self._unread = found
            return None, frozenset()
        try:
            return found, frozenset(os.sched_getaffinity(pid))
        except OSError:  # it has ended already
            return found, frozenset()

    def take(self, stalls: Records) -> None:
        """Rows of `STALL`."""
        self._stalls.take(stalls)

    def settle(self, logs: Iterable[ReplicaLog], now_ns: int) -> None:
        """Finds what was used during slow exchanges that ended a while before ``now_ns``."""
        for one in logs:
            one.settle(now_ns, self._stalls)

    def leave(self, logs: Iterable[ReplicaLog]) -> None:
        """Looks at these no more."""
        self._reader.leave(one.ring for one in logs if one.ring is not None)
