"""The logs of all replicas: each is given its exchanges, and what is usual is not kept whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from socklat_gate.job.replica_log import ReplicaLog
from socklat_gate.measured.pair import ARMS, Arm
from socklat_gate.measured.records import Records

__all__ = ["ReplicaLogs"]

NETNS_BITS = 0xFFFF
"""The part of a namespace's inode that is in the log."""

MANY = 20_000
"""Exchanges kept whole, of all replicas: each takes half a kilobyte, and 200 bytes in a result."""

USUAL = (0.9, 0.99)
"""Of a service that is never quick, up to this quantile of the baseline's none is a stop: what is
one is beyond a multiple of the p99.9 of its pairs (`verdict.spike_events.threshold_ns`).  The
second is for hours of it."""


class ReplicaLogs:
    """Logs by the arm's slot of the probe and the container's namespace.

    ``spike_ns``: exchanges of at least that are kept whole.  It begins with what is given, and
    rises to what is usual for the baseline once so many are kept that memory and reports would
    suffer; the candidate has no say in it.
    """

    def __init__(self, slots: Mapping[Arm, int], spike_ns: int) -> None:
        self.spike_ns = spike_ns
        self._slots = dict(slots)
        self._of: dict[tuple[int, int], ReplicaLog] = {}
        self._most = MANY
        self._usual = list(USUAL)

    def __iter__(self) -> Iterator[ReplicaLog]:
        return iter(self._of.values())

    def add(self, one: ReplicaLog) -> None:
        """It is watched from now on."""
        self._of[self._slots[one.arm.arm], one.arm.netns_inode & NETNS_BITS] = one

    def leave(self) -> None:
        """None of those so far is watched any more."""
        self._of.clear()

    def take(self, exchanges: Records) -> None:
        """Rows of `EXCHANGE`, of whatever slots."""
        for slot in self._slots.values():
            rows = exchanges[exchanges["target"] == slot]
            for netns in set(rows["netns"].tolist()):
                found = self._of.get((slot, netns))
                if found is not None:
                    found.take(rows[rows["netns"] == netns])
        if self._kept() > self._most:
            self._leave_usual()

    def _kept(self) -> int:
        return sum(one.kept for one in self)

    def _leave_usual(self) -> None:
        theirs = [one.took_ns for one in self if one.arm.arm == ARMS[0]]
        usual = self._usual.pop(0) if len(self._usual) > 1 else self._usual[0]
        usual_ns = int(np.quantile(np.concatenate(theirs), usual)) if theirs else 0
        self.spike_ns = max(self.spike_ns, usual_ns)
        for one in self:
            one.keep_from(self.spike_ns)
        self._most = max(MANY, 2 * self._kept())
