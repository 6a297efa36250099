"""Whether requests overlapped so often that quantiles of exchanges mean little."""

from __future__ import annotations

import math
from collections.abc import Iterable

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.run import Run

__all__ = ["overlap_fact", "overlap_share"]


def overlap_share(runs: Iterable[Run]) -> float:
    """Overlapped exchanges per recorded one, over all runs; inf when only overlapped ones exist.

    Raises `InvalidMeasurement` (EVENTS_LOST) when a run lacks one of the two kernel counters:
    without them the share is unknown, which does not mean small.
    """
    overlapped = recorded = 0
    for run in runs:
        for name in ("overlapped", "recorded"):
            if name not in run.counters:
                raise InvalidMeasurement(
                    Reason.EVENTS_LOST,
                    f"a run of {run.image} has no kernel counter {name!r}",
                    remedy="measure again with this version",
                )
        overlapped += run.counters["overlapped"]
        recorded += run.counters["recorded"]
    if recorded == 0:
        return math.inf if overlapped else 0.0
    return overlapped / recorded


def overlap_fact(runs: Iterable[Run], who: str, allowed: float) -> ReasonFact | None:
    """OVERLAPPING_REQUESTS of ``who`` when more than the share ``allowed`` overlapped."""
    share = overlap_share(runs)
    if share <= allowed:
        return None
    numbers = {"share": min(share, 1.0), "allowed": allowed}
    return ReasonFact(Reason.OVERLAPPING_REQUESTS, who, numbers)
