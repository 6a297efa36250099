"""As which request of which connection each was sent: what the kernel's log is joined by."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, cast

import numpy as np

from socklat_gate.measured.records import SENT, Records

if TYPE_CHECKING:
    from socklat_gate.load.schedule import Schedule

__all__ = ["SentLog"]

_Row = tuple[int, int, int, int, int]


class SentLog:
    """``port`` and ``ordinal`` by request of the schedule; an ordinal of 0 was not sent."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        n = schedule.offsets_ns.size
        self.port = array("H", bytes(2 * n))
        self.ordinal = array("I", bytes(4 * n))
        self._requeued: list[_Row] = []

    def requeue(self, request: int, sent_ns: int) -> None:
        """``request`` was sent at ``sent_ns``, and will be again on another connection."""
        if self.ordinal[request]:
            kind, arm = int(self._schedule.kind[request]), int(self._schedule.arm[request])
            row = sent_ns, self.ordinal[request], self.port[request], kind, arm
            self._requeued.append(row)
            self.ordinal[request] = 0

    def rows(self, sent_ns: array[int]) -> Records:
        """Rows of `measured.records.SENT`; ``sent_ns`` by request."""
        ordinal = np.frombuffer(cast("bytes", self.ordinal), dtype=np.uint32)
        sent = ordinal > 0
        rows = np.zeros(int(np.count_nonzero(sent)), dtype=SENT)
        rows["sent_ns"] = np.frombuffer(cast("bytes", sent_ns), dtype=np.int64)[sent]
        rows["ordinal"] = ordinal[sent]
        rows["port"] = np.frombuffer(cast("bytes", self.port), dtype=np.uint16)[sent]
        rows["kind"] = self._schedule.kind[sent]
        rows["arm"] = self._schedule.arm[sent]
        return np.concatenate([rows, np.array(self._requeued, dtype=SENT)])
