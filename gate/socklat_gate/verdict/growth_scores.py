"""How fast each container of the watch changes with its age: latency, CPU time, memory.

A container's change is the logarithm of its last minute beside its own first minute, for each
minute between their middles.  So what differs between containers from the start on is left out, and
what changes on the machine meanwhile is in both arms.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from socklat_gate.measured.stop_verdict import Grown
from socklat_gate.measured.watch import Replica, Slice, Watch
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.watch_moments import paired

__all__ = ["LEAST_LIFE_S", "Growth", "growth_at", "watched_s"]

LEAST_LIFE_S = 120.0
"""A container that was watched more briefly says nothing."""

END_NS = 60 * 10**9
"""What is the first minute, and the last one."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Of the numbers whose containers are both old enough; shapes (arms, numbers).

    ``per_minute`` are changes of the logarithm for each minute of life, ``whole`` those between the
    two ends, which are ``minutes`` apart.
    """

    per_minute: Floats
    whole: Floats
    minutes: Floats


def growth_at(watch: Watch, what: Grown, until_ns: float) -> Growth:
    """By what was known at one time (CLOCK_MONOTONIC)."""
    found: list[list[tuple[float, float]]] = []
    for pair in paired(watch):
        both = [_change(one, what, until_ns) for one in pair]
        known = [one for one in both if one is not None]
        if len(known) == len(both):
            found.append(known)
    values = np.array(found, dtype=np.float64).reshape(len(found), 2, 2)
    whole, minutes = values[:, :, 0].T, values[:, :, 1].T
    return Growth(whole / minutes, whole, minutes)


def watched_s(watch: Watch) -> tuple[int, float]:
    """When the first container was watched (CLOCK_MONOTONIC), and for how long they were (s)."""
    begin = min((one.from_ns for one in watch.replicas), default=0)
    return begin, (max((one.to_ns for one in watch.replicas), default=0) - begin) / 1e9


def _change(replica: Replica, what: Grown, until_ns: float) -> tuple[float, float] | None:
    """Change of the logarithm, and minutes between the middles; None: not old enough or unknown."""
    slices = replica.slices
    known = bisect_right(slices, until_ns, key=_end)
    if not known or slices[known - 1].to_ns - slices[0].from_ns < LEAST_LIFE_S * 1e9:
        return None
    begin, end = slices[0].from_ns, slices[known - 1].to_ns
    first = slices[: bisect_right(slices, begin + END_NS, hi=known, key=_end)]
    last = slices[bisect_left(slices, end - END_NS, hi=known, key=_begin) : known]
    levels = [_LEVELS[what](some) for some in (first, last)]
    if not all(map(math.isfinite, levels)):
        return None
    return levels[1] - levels[0], (_middle(last) - _middle(first)) / 60e9


def _begin(one: Slice) -> int:
    return one.from_ns


def _end(one: Slice) -> int:
    return one.to_ns


def _middle(slices: Sequence[Slice]) -> float:
    return (slices[0].from_ns + slices[-1].to_ns) / 2


def _log_response(slices: Sequence[Slice]) -> float:
    """Mean of the logarithms of p50, by exchanges."""
    used = [one for one in slices if one.exchanges and one.p50_ns > 0.0]
    total = sum(one.exchanges for one in used)
    return sum(one.exchanges * math.log(one.p50_ns) for one in used) / total if used else math.nan


def _log_cpu(slices: Sequence[Slice]) -> float:
    """Of CPU time for each exchange."""
    used = [(one.cpu_ns, one.exchanges) for one in slices if one.cpu_ns is not None]
    spent, exchanges = (sum(some) for some in zip(*used, strict=True)) if used else (0, 0)
    return math.log(spent / exchanges) if spent and exchanges else math.nan


def _log_memory(slices: Sequence[Slice]) -> float:
    used = [one.memory_bytes for one in slices if one.memory_bytes]
    return math.log(sum(used) / len(used)) if used else math.nan


_LEVELS = {"response": _log_response, "cpu": _log_cpu, "memory": _log_memory}
