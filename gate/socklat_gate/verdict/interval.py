"""Wilcoxon's interval for the centre of symmetric numbers, of a sample of fixed size.

The k-th smallest and the k-th largest of the Walsh averages (d_i + d_j) / 2 bracket the centre with
a probability that is known exactly for every number of them and every symmetric noise (Wilcoxon
1945; Hodges and Lehmann 1963).  Between two k one interpolates (Hettmansperger and Sheather 1986).

It shows attributions and levels.  A change that decides a job has the one that holds at all looks
together, `verdict.confidence_sequence`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats

__all__ = ["confidence_interval", "walsh_averages"]

EXACT_PAIRS = 60
"""Up to here the null distribution is exact; beyond, its normal limit is off by less than 0.1%."""

ROUNDED = 1.25
"""An interval from the two extremes may miss this many times too often: 5 pairs cover 93.75%."""


def walsh_averages(d: npt.ArrayLike) -> Floats:
    """All (d_i + d_j) / 2 with i <= j, unsorted; 4 MB for 1000 pairs.

    Raises `ValueError` unless ``d`` has shape (pairs,) and is finite.
    """
    values = np.asarray(d, dtype=np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise ValueError("log ratios have shape (pairs,) and are finite")
    first, second = _each_two(values.size)
    return np.asarray((values[first] + values[second]) / 2.0)


def confidence_interval(d: npt.ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Interval for the centre of symmetric d, shape (pairs,); infinite below 5 pairs at 95%.

    Raises `ValueError` for a level outside (0, 1) and as `walsh_averages` does.
    """
    averages = walsh_averages(d)
    found = order_statistic(np.asarray(d).size, level)
    if found is None:
        return -math.inf, math.inf
    rank, weight = found
    last = averages.size - 1
    inner = min(rank + 1, last)
    ordered = np.partition(averages, sorted({rank, inner, last - rank, last - inner}))
    low = weight * ordered[rank] + (1.0 - weight) * ordered[inner]
    high = weight * ordered[last - rank] + (1.0 - weight) * ordered[last - inner]
    return float(low), float(high)


@lru_cache(maxsize=1024)
def order_statistic(pairs: int, level: float) -> tuple[int, float] | None:
    """Rank (from 0) of the outer Walsh average of the lower end, and its weight beside the next.

    None when even the extremes of so few pairs miss too often.  Raises `ValueError` for a level
    outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"the level lies in (0, 1), not {level}")
    tail = (1.0 - level) / 2.0
    if pairs < 1 or 2.0**-pairs > ROUNDED * tail + 1e-12:
        return None
    if pairs > EXACT_PAIRS:
        from statistics import NormalDist  # noqa: PLC0415 - few jobs have so many pairs

        spread = math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24.0)
        rank = pairs * (pairs + 1) / 4.0 + NormalDist().inv_cdf(tail) * spread
        return int(rank), 1.0 - rank % 1.0
    below = _signed_rank_below(pairs)
    if below[0] >= tail:
        return 0, 1.0
    rank = int(np.searchsorted(below, tail, side="right")) - 1
    return rank, float((below[rank + 1] - tail) / (below[rank + 1] - below[rank]))


@lru_cache(maxsize=2)
def _each_two(pairs: int) -> tuple[npt.NDArray[np.intp], ...]:
    """Both indices of every two of so many pairs; all metrics of a look share them."""
    return np.triu_indices(pairs)


@lru_cache(maxsize=EXACT_PAIRS)
def _signed_rank_below(pairs: int) -> Floats:
    """P(Wilcoxon's signed-rank statistic <= k) for every k, no ties; shape (n(n+1)/2 + 1,)."""
    chance = np.ones(1)
    for rank in range(1, pairs + 1):
        longer = np.zeros(chance.size + rank)
        longer[: chance.size] += chance / 2.0
        longer[rank:] += chance / 2.0
        chance = longer
    return np.asarray(np.cumsum(chance))
