"""When the hypervisor had the CPUs, over the last minute of a watch."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

import numpy as np

from socklat_gate.measured.records import CAUSES, STALL, Records
from socklat_gate.stalls.timeline import Timeline, stolen_time

__all__ = ["RecentStalls"]

LEAST_NS = 10_000_000
"""Many shorter ones make no stop, and would take room."""
KEPT = 4096


class RecentStalls:
    """The last ones that the probe logged, however many come."""

    def __init__(self) -> None:
        self._rows: deque[Records] = deque(maxlen=KEPT)

    def take(self, stalls: Records) -> None:
        """Rows of `STALL`; those of other processes are left out, since services wait for these."""
        stolen = stalls["cause"] != CAUSES.index("interference")
        long = stalls["to_ns"].astype(np.int64) - stalls["from_ns"].astype(np.int64) >= LEAST_NS
        self._rows.extend(stalls[at : at + 1] for at in np.flatnonzero(stolen & long))

    def stolen_ns(self, cpus: Collection[int], from_ns: int, to_ns: int) -> tuple[int, int]:
        """For how long all of these CPUs were taken at once, and for how long any was."""
        if not self._rows or not cpus:
            return 0, 0
        rows = np.concatenate([np.zeros(0, STALL), *self._rows])
        rows = rows[(rows["to_ns"] > from_ns) & (rows["from_ns"] < to_ns)]
        numbers = [cpu % 256 for cpu in cpus]
        common, *others = (stolen_time(rows, [number]) for number in numbers)
        for one in others:
            common = common.common(one)
        some = stolen_time(rows, numbers)
        return _inside(common, from_ns, to_ns), _inside(some, from_ns, to_ns)


def _inside(times: Timeline, from_ns: int, to_ns: int) -> int:
    begin, end = (np.array([at_ns], np.int64) for at_ns in (from_ns, to_ns))
    return int(times.inside_ns(begin, end)[0])
