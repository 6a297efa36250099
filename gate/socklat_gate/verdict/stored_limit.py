"""How far beyond its prediction a stored number must lie before it is a regression.

Student's t (`verdict.prediction`) is right for days that differ normally.  Real ones are skewed: a
service has slow days, and a history of five or ten campaigns may hold none of them.  So the limit
is the larger of t's and of the slowest stored campaign plus a margin, which is the larger of

* a multiple of the stored range, ``multiple_of_range``: what days whose extra time is log-normal
  (sigma 1) need, 6.5 ranges at 5 campaigns and 1.6 at 30;
* `SLOW_DAY`, +50%, until there are so many campaigns that a kind of day that comes in
  `SLOW_DAY_SHARE` of all would have been among them (17 at alpha = 1%);

and at most `MOST`: 2.5 times as slow as the slowest stored campaign is beyond any day (of the
default gate's four metrics; among more of them a day strays farther in one).

The constants are those at which at most 1% of jobs with equal images fail, by simulation:
``ci/bench stored`` writes docs/lab/stored.md.  Days worse than these are still false alarms.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.prediction import Prediction

__all__ = [
    "SLOW_DAY",
    "SLOW_DAY_SHARE",
    "day_margin",
    "fail_limit",
    "multiple_of_range",
    "slow_day_campaigns",
]

SLOW_DAY = math.log(1.5)
"""How much slower a slow day makes everything; log scale."""

SLOW_DAY_SHARE = 0.2
"""How many days are slow ones."""

MOST = math.log(2.5)

MULTIPLE = 6.5
AT_CAMPAIGNS = 5
AT_LEVEL = 0.9975
"""The multiple of the range at so many campaigns and this one-sided level."""

FALL = 0.8
"""The power of the number of campaigns with which the multiple falls."""


def fail_limit(prediction: Prediction, level: float, alpha: float) -> float:
    """Half-width of the one-sided limit to fail at ``level``, log scale; infinite as `limit` is.

    ``alpha`` is the whole job's error rate: a slow day strikes all of its metrics at once.
    """
    by_t = prediction.limit(level)
    margin = day_margin(prediction.spread, prediction.dof + 1, level, alpha)
    return max(by_t, prediction.above + float(margin))


def day_margin(spread: npt.ArrayLike, campaigns: int, level: float, alpha: float) -> Floats:
    """How far above the slowest of the stored campaigns, with this ``spread``, a day may lie."""
    margin = multiple_of_range(campaigns, level) * np.asarray(spread, dtype=np.float64)
    if campaigns < slow_day_campaigns(alpha):
        margin = np.maximum(margin, SLOW_DAY)
    return np.asarray(np.minimum(margin, MOST * max(1.0, _tail(level))))


def multiple_of_range(campaigns: int, level: float) -> float:
    """How many stored ranges above the slowest stored campaign a log-normal day stays."""
    return MULTIPLE * math.pow(AT_CAMPAIGNS / campaigns, FALL) * _tail(level)


def _tail(level: float) -> float:
    """How much farther out a log-normal day's quantile at ``level`` lies than at `AT_LEVEL`."""
    normal = NormalDist()
    return math.exp(normal.inv_cdf(level) - normal.inv_cdf(AT_LEVEL))


def slow_day_campaigns(alpha: float) -> int:
    """Fewest campaigns that would have met a slow day.

    That none of them did and the candidate's day is one has a probability of at most ``alpha`` / 2.
    """
    share = alpha / (2.0 * SLOW_DAY_SHARE)
    return max(1, math.ceil(math.log(share) / math.log(1.0 - SLOW_DAY_SHARE))) if share < 1 else 1
