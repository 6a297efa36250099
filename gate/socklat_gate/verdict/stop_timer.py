"""Whether stops come at multiples of an age: of something that begins with the process."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["timer_of"]

FURTHEST = 0.03
"""Of the period: how far from a multiple of it an age may be."""
NEAREST = 0.01
"""No ages count as nearer than this: a start takes its time, and a stop is met a moment late."""
CHANCE = 0.01
"""Ages at random look like a timer in about this share of the watches that have as many."""
MOST_BEFORE = 10
"""Periods tried: those with fewer than so many ticks before the first stop seen."""


def timer_of(ages_s: Sequence[float]) -> float | None:
    """The period in seconds of which all ages of the replicas at their stops are multiples.

    The longest that fits; None where none does, or where as many ages at random would fit too
    often.  Ages that are not known or not above 0 belong to no timer.
    """
    ages = sorted(ages_s)
    if not ages or not all(math.isfinite(age) and age > 0 for age in ages):
        return None
    for tried in range(1, MOST_BEFORE):
        ticks = [round(age * tried / ages[0]) for age in ages]
        squares = sum(tick * tick for tick in ticks)
        period = sum(age * tick for age, tick in zip(ages, ticks, strict=True)) / squares
        apart = (abs(age / period - tick) for age, tick in zip(ages, ticks, strict=True))
        furthest = max(NEAREST, *apart)
        if furthest <= FURTHEST and tried * _chance(ticks, furthest) <= CHANCE:
            return period
    return None


def _chance(ticks: Sequence[int], furthest: float) -> float:
    """That ages at random are all so near to multiples of a period that is fitted to them.

    The first is near in any case.  It leaves the period uncertain by ``furthest`` in as many
    ticks as it has, which at a later tick is as many times more.
    """
    first, *others = ticks
    return math.prod(min(1.0, 2 * furthest * (1 + tick / first)) for tick in others)
