"""How far shares of two arms, of counts by run, differ beyond what chance makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.functions import student_quantile

__all__ = ["Chance", "beyond_noise"]

SIGMAS = 4.0
LEVEL = 0.999


@dataclass(frozen=True, slots=True)
class Chance:
    """What chance may do where so many names are looked at: as often over all of them as for one.

    ``sigmas`` standard errors of a binomial share, and Student's t at ``level`` for the runs.
    """

    sigmas: float = SIGMAS
    level: float = LEVEL

    @classmethod
    def of(cls, names: int) -> Chance:
        """Where so many names are looked at."""
        # A normal tail at sqrt(s^2 + 2 ln m) is at most 1/m of that at s.
        return cls(math.sqrt(SIGMAS**2 + 2.0 * math.log(names)), 1.0 - (1.0 - LEVEL) / names)


def beyond_noise(
    theirs: Floats, ours: Floats, theirs_of: Floats, ours_of: Floats, chance: Chance
) -> float:
    """How far two shares, of counts by run, differ beyond their noise; at least 0.

    ``theirs`` are the baseline's.
    """
    shares = ours.sum() / ours_of.sum(), theirs.sum() / theirs_of.sum()
    pooled = (ours.sum() + theirs.sum()) / (ours_of.sum() + theirs_of.sum())
    binomial = math.sqrt(pooled * (1.0 - pooled) * (1.0 / ours_of.sum() + 1.0 / theirs_of.sum()))
    scatter = math.sqrt(2.0) * _scatter(theirs / theirs_of, chance.level)
    noise = max(chance.sigmas * binomial, scatter)
    return max(0.0, abs(float(shares[0] - shares[1])) - noise)


def _scatter(shares: Floats, level: float) -> float:
    """Half the width of an interval for the mean of the runs' shares; 0 for a single run."""
    runs = shares.size
    if runs < 2:
        return 0.0
    return student_quantile(runs - 1, level) * float(np.std(shares, ddof=1)) / math.sqrt(runs)
