"""What a container used during one slow exchange, from looks at its counters.

Only what lies wholly between two looks within the exchange is known to be of it.  Throttled time
and waits for a CPU may come to the account as late as at their end, which is then the end of the
exchange: of what the first look after it brings, that counts which cannot have been after the end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from socklat_gate.job.counter_reader import Sample
from socklat_gate.measured.watch import StopUse
from socklat_gate.service.container_counters import Counters

__all__ = ["INTERVALS", "use_within"]

INTERVALS = 2
"""Whole ones, without which nothing is known."""


def use_within(samples: Sequence[Sample], begin_ns: int, end_ns: int) -> StopUse | None:
    """Of the exchange from ``begin_ns`` to ``end_ns``; ``samples`` are in the order of time.

    None: too few looks within it, or counters that went back, as those of another container do.
    """
    first = bisect_left(samples, begin_ns, key=lambda one: one.at_ns)
    beyond = bisect_right(samples, end_ns, key=lambda one: one.at_ns)
    inside = samples[first:beyond]
    if len(inside) <= INTERVALS:
        return None
    after = samples[beyond : beyond + 1]
    known = [one.counters for one in (*inside, *after)]
    if any(_went_back(a, b) for a, b in pairwise(known)):
        return None
    last = inside[-1]
    # So much of the interval of the exchange's end lies behind that.
    behind_ns = after[0].at_ns - end_ns if after else 0

    def grown(name: str) -> int | None:
        return _grown(inside[0].counters, last.counters, name)

    def grown_late(name: str) -> int | None:
        within_ns = grown(name)
        late_ns = _grown(last.counters, after[0].counters, name) if after else None
        return within_ns if within_ns is None else within_ns + max(0, (late_ns or 0) - behind_ns)

    return StopUse(
        rx_first_ns=begin_ns,
        length_ns=end_ns - begin_ns,
        from_ns=inside[0].at_ns,
        to_ns=last.at_ns,
        cpu_ns=grown("cpu_ns") or 0,
        throttled_ns=grown_late("throttled_ns"),
        waited_ns=grown_late("waited_ns"),
        major_faults=grown("major_faults"),
        paging_ns=grown("paging_ns"),
    )


_NAMES = ("cpu_ns", "throttled_ns", "waited_ns", "major_faults", "paging_ns")


def _grown(before: Counters, after: Counters, name: str) -> int | None:
    earlier, later = getattr(before, name), getattr(after, name)
    return None if earlier is None or later is None else later - earlier


def _went_back(before: Counters, after: Counters) -> bool:
    return any((_grown(before, after, name) or 0) < 0 for name in _NAMES)
