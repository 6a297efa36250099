"""Which stops a watch would have found: the minimum detectable effect of its exposure.

Without stops of the baseline, and by the order of first stops alone (`verdict.watch_order`), so
that it promises less than the gate does: the looks at counts come on top of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from socklat_gate.verdict.watch_evidence import ORDER
from socklat_gate.verdict.watch_order import ODDS, ODDS_WEIGHTS, payoff

__all__ = ["POWER", "found_every_s", "found_from_start_s", "stops_to_fail"]

POWER = 0.9

APART_S = 1.0
"""Stops that begin further apart are moments of their own."""

SETTLES_S = 2.0
"""From the beginning of a stop until it counts."""

STEPS = 60
"""Of the search: down to the last digits that anybody reads."""


def stops_to_fail(numbers: int, threshold: float) -> int | None:
    """First stops of so many of the candidate's containers fail it; None: all are not enough."""
    products = np.ones(len(ODDS))
    for hit in range(numbers):
        products *= [payoff(odds, numbers - hit, numbers, 1)[0] for odds in ODDS]
        if ORDER * float(products @ ODDS_WEIGHTS) >= threshold:
            return hit + 1
    return None


def found_every_s(exposures_s: Sequence[float], threshold: float) -> float | None:
    """A stop that comes at random once in so many seconds fails `POWER` of such watches.

    ``exposures_s`` are those of the candidate's containers.  None: none would.
    """
    needed = stops_to_fail(len(exposures_s), threshold)
    if needed is None or sum(one > 0.0 for one in exposures_s) < needed:
        return None
    low, high = 0.0, max(exposures_s) * len(exposures_s)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _found(exposures_s, middle, needed) else (low, middle)
    return low


def found_from_start_s(
    lives: Sequence[tuple[float, float]], threshold: float, ratio: float = 1.0
) -> float:
    """A stop that each container has once, at this age or earlier, fails the watch; 0: none.

    ``lives`` are when each was started and last seen (s).  Of stops in containers that were started
    together only one counts; one in ``ratio`` of them is evidence.
    """
    needed = stops_to_fail(len(lives), threshold)
    if needed is None:
        return 0.0
    oldest_first = sorted(lives, key=lambda life: life[0] - life[1])
    for many in range(1, len(lives) + 1):
        starts = sorted(start for start, _ in oldest_first[:many])
        moments, last = 0, -math.inf
        for start in starts:
            if start - last >= APART_S:
                moments, last = moments + 1, start
        if moments >= needed * ratio:
            start, end = oldest_first[many - 1]
            return max(0.0, end - start - SETTLES_S)
    return 0.0


def _found(exposures_s: Sequence[float], every_s: float, needed: int) -> bool:
    """Whether so many containers or more have a stop with the chance `POWER`."""
    chances = np.ones(1)
    for exposure in exposures_s:
        hit = -math.expm1(-exposure / every_s) if every_s > 0.0 else 1.0
        chances = np.convolve(chances, (1.0 - hit, hit))
    return float(chances[needed:].sum()) >= POWER
