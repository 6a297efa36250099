"""When the CPUs that a service uses were not there for it.

Stalls come from the probe, one record each (bpf/stalls.c).  What the hypervisor takes counts from
the first microsecond.  Another process's run counts only as part of a burst, because a short one
may well be a part of responding to a request: a proxy, a log writer, an unwatched database.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.records import CAUSES, Records

__all__ = ["Timeline", "interference_bursts", "stalls_of", "stolen_time"]

BURST_NS = 2_000_000
"""Other processes' use of a CPU counts from this length on, gaps up to `BURST_GAP_NS` included."""
BURST_GAP_NS = 1_000_000

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Disjoint intervals in rising order: ``from_ns`` and ``to_ns``, int64, shape (n,)."""

    from_ns: I64
    to_ns: I64

    @classmethod
    def of(cls, from_ns: npt.ArrayLike, to_ns: npt.ArrayLike, gap_ns: int = 0) -> Timeline:
        """The union of intervals in any order; those at most ``gap_ns`` apart become one."""
        first, last = np.asarray(from_ns, np.int64), np.asarray(to_ns, np.int64)
        order = np.argsort(first, kind="stable")
        first, last = first[order], np.maximum.accumulate(last[order])
        begins = np.ones(first.size, dtype=bool)
        begins[1:] = first[1:] > last[:-1] + gap_ns
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], first.size)[: starts.size] - 1
        return cls(first[starts], last[ends])

    def __len__(self) -> int:
        return int(self.from_ns.size)

    @property
    def total_ns(self) -> int:
        """Length of all intervals."""
        return int((self.to_ns - self.from_ns).sum())

    def until_next_ns(self, at_ns: I64) -> I64:
        """Time from each instant to the next beginning; the largest integer when there is none."""
        far = np.iinfo(np.int64).max
        begins = np.append(self.from_ns, far)
        following = begins[np.searchsorted(self.from_ns, at_ns)]
        return np.asarray(np.where(following == far, far, following - at_ns))

    def contains(self, at_ns: I64) -> npt.NDArray[np.bool_]:
        """Whether each instant lies inside an interval, its end excluded."""
        index = np.searchsorted(self.from_ns, at_ns, side="right") - 1
        return np.asarray((index >= 0) & (at_ns < np.append(self.to_ns, 0)[index]))

    def inside_ns(self, from_ns: I64, to_ns: I64) -> I64:
        """How much of each [from, to) lies inside the intervals."""
        return np.asarray(self._before_ns(to_ns) - self._before_ns(from_ns))

    def extend(self, by_ns: I64) -> Timeline:
        """Every interval with a later end."""
        return Timeline.of(self.from_ns, self.to_ns + by_ns)

    def common(self, other: Timeline) -> Timeline:
        """What lies inside the intervals of both."""
        at_ns = np.concatenate((self.from_ns, other.from_ns, self.to_ns, other.to_ns))
        begins = len(self) + len(other)
        steps = np.repeat((1, -1), begins)
        order = np.lexsort((steps, at_ns))  # an end before a begin at the same moment
        both = np.cumsum(steps[order]) == 2
        edges = at_ns[order]
        first = np.flatnonzero(both)
        return Timeline(edges[first], edges[first + 1])

    def _before_ns(self, at_ns: I64) -> I64:
        """Length of the intervals' parts before each instant."""
        lengths = self.to_ns - self.from_ns
        stolen_ns = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        index = np.searchsorted(self.from_ns, at_ns)
        last = np.maximum(index - 1, 0)
        if not len(self):
            return np.zeros_like(at_ns)
        beyond = np.where(index > 0, np.maximum(self.to_ns[last] - at_ns, 0), 0)
        return np.asarray(stolen_ns[index] - beyond)


def stolen_time(stalls: Records, cpus: Collection[int]) -> Timeline:
    """When the hypervisor, or the firmware, had one of the CPUs (numbers modulo 256)."""
    chosen = stalls[_on(stalls, cpus) & (stalls["cause"] != CAUSES.index("interference"))]
    return Timeline.of(chosen["from_ns"], chosen["to_ns"])


def stalls_of(stalls: Records, cpus: Collection[int], cause: str) -> Timeline:
    """Stalls of one cause as they are corrected for: of interference, the bursts."""
    if cause == "interference":
        return interference_bursts(stalls, cpus)
    chosen = stalls[_on(stalls, cpus) & (stalls["cause"] == CAUSES.index(cause))]
    return Timeline.of(chosen["from_ns"], chosen["to_ns"])


def interference_bursts(stalls: Records, cpus: Collection[int]) -> Timeline:
    """When other processes kept one of the CPUs for at least `BURST_NS`."""
    chosen = stalls[_on(stalls, cpus) & (stalls["cause"] == CAUSES.index("interference"))]
    parts = []
    for cpu in np.unique(chosen["cpu"]):
        runs = chosen[chosen["cpu"] == cpu]
        bursts = Timeline.of(runs["from_ns"], runs["to_ns"], gap_ns=BURST_GAP_NS)
        parts.append(np.column_stack((bursts.from_ns, bursts.to_ns)))
    both = np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)
    long = both[both[:, 1] - both[:, 0] >= BURST_NS]
    return Timeline.of(long[:, 0], long[:, 1])


def _on(stalls: Records, cpus: Collection[int]) -> npt.NDArray[np.bool_]:
    return np.isin(stalls["cpu"] % 256, list(cpus))
