"""Which stops a watch of few replicas would have found, that are replaced once they have stopped.

By the order of first stops alone, without stops of the baseline, as in `verdict.watch_power`.  Each
generation takes until the last of the candidate's containers has stopped, and `RENEW_S` for the
next one to be up.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from socklat_gate.verdict.watch_evidence import ORDER
from socklat_gate.verdict.watch_order import ODDS, ODDS_WEIGHTS, payoff
from socklat_gate.verdict.watch_power import POWER, SETTLES_S
from socklat_gate.verdict.watch_renewal import GENERATIONS, LEAST_LIFE_S

__all__ = ["renewed_every_s", "renewed_from_start_s", "renewed_stops_to_fail"]

RENEW_S = 20.0
"""Until the pair under way is over, and the new containers are ready."""

STAGGER_S = 1.0
"""Between the starts of two numbers."""

DRAWS = 4000
"""Of the time that stops at random take: a quantile to 2%."""


def renewed_stops_to_fail(numbers: int, threshold: float) -> int | None:
    """First stops of so many of the candidate's containers fail it; None: none do."""
    if numbers < 1:
        return None
    products = np.ones(len(ODDS))
    for hit in range(GENERATIONS * numbers):
        products *= [payoff(odds, numbers - hit % numbers, numbers, 1)[0] for odds in ODDS]
        if ORDER * float(products @ ODDS_WEIGHTS) >= threshold:
            return hit + 1
    return None


def renewed_every_s(numbers: int, length_s: float, threshold: float) -> float | None:
    """A stop that comes at random once in so many seconds fails `POWER` of such watches.

    ``numbers`` containers of the candidate respond for ``length_s`` each.  None: none would.
    """
    needed = renewed_stops_to_fail(numbers, threshold)
    if needed is None:
        return None
    renewals = (needed - 1) // numbers
    if length_s <= renewals * (RENEW_S + LEAST_LIFE_S):
        return None
    return (length_s - renewals * RENEW_S) / _stops_take(numbers, needed)


def renewed_from_start_s(
    numbers: int, length_s: float, threshold: float, ratio: float = 1.0
) -> float:
    """A stop that each container has once, at this age or earlier, fails the watch; 0: none.

    ``length_s`` is from the first start on; one in ``ratio`` of the stops is evidence.
    """
    needed = renewed_stops_to_fail(numbers, threshold)
    if needed is None:
        return 0.0
    renewals = int(needed * ratio - 1) // numbers
    left_s = length_s - renewals * (RENEW_S + STAGGER_S * numbers) - STAGGER_S * numbers
    age_s = left_s / (renewals + 1)
    if age_s < LEAST_LIFE_S:
        age_s = left_s - renewals * LEAST_LIFE_S
    return max(0.0, age_s - SETTLES_S) if renewals < GENERATIONS else 0.0


@lru_cache(maxsize=64)
def _stops_take(numbers: int, needed: int) -> float:
    """Quantile `POWER` of the time until so many first stops, in times between two of one."""
    left = numbers - np.arange(needed) % numbers
    waits = np.random.default_rng(0).exponential(1.0, (DRAWS, needed)) / left
    return float(np.quantile(waits.sum(axis=1), POWER))
