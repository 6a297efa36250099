"""The interval that is shown: Wilcoxon's, at a level that makes up for stopping early.

The pairs' log ratios are symmetric about the true change (why: `verdict.evidence`), so
the k-th smallest and the k-th largest of the Walsh averages (d_i + d_j) / 2 bracket it with a
probability that is known exactly for every number of pairs and every symmetric noise (Wilcoxon
1945; Hodges and Lehmann 1963).  Between two k one interpolates (Hettmansperger and Sheather 1986).

That is for a number of pairs fixed in advance.  A job stops when the evidence is in, which
selects: `stopping_level` is the nominal level for which the interval *shown at the end of a job*
covers in 94-96% of the jobs, found once by simulation over all noise models
(``docs/lab/simulation.md``).  A confidence sequence needs no such number but covers at all looks
together, so that at any single one it is far wider than 95%.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats

__all__ = ["confidence_interval", "stopping_level", "walsh_averages"]

EXACT_PAIRS = 60
"""Up to here the null distribution is exact; beyond, its normal limit is off by less than 0.1%."""

ROUNDED = 1.25
"""An interval from the two extremes may miss this many times too often: 5 pairs cover 93.75%."""

LEVEL_AT_ONCE, LEVEL_LATE, LEVEL_LATE_FAIL = 0.95, 0.96, 0.985


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


def stopping_level(pairs: int, threshold: float, *, failed: bool) -> float:
    """Nominal level of the interval after a job of so many pairs, for a true 95%.

    ``threshold`` is the evidence for a FAIL.  Early ends need no correction: whatever the change,
    a factor is below 2, so that the soonest FAIL comes at about log2(threshold) pairs.  Later a job
    ends when its noise happened to point the right way, above all in the metric that ``failed``.
    """
    if pairs < math.ceil(math.log2(threshold)) + 2:
        return LEVEL_AT_ONCE
    return LEVEL_LATE_FAIL if failed else LEVEL_LATE


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
