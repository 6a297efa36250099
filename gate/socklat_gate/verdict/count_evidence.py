"""Whether failed requests are more in one arm: a sequential test of counts given the load.

A coin flip decides for every request which arm it goes to.  So if both arms fail requests at one
rate, each failed request is the candidate's with probability p0, its share of the requests of that
pair, whatever the rate.  With x failures of the candidate and y of the baseline in pair i, and
p(r) = r p0 / (1 - p0 + r p0) for a rate ratio r,

    E = sum over r of w(r) * prod over i of min(4, (p(r)/p0)^x ((1-p(r))/(1-p0))^y)

has mean at most 1 for every ratio up to 1: each likelihood ratio has mean at most 1 given what came
before, and a minimum only lowers it.  By Ville's inequality it may be looked at after each pair
(see `verdict.evidence`).  Half of the weight is on r = infinity, "the baseline has none".

Failures also come in bunches: an outage of a second is one event, not a thousand.  So a pair counts
for at most 2 bits, and where runs differ by more than Poisson chance (`rates.dispersion_p`), the
sign of each pair is the unit, 1 bit (`rates.sign_counts`).  Before runs show that, 2 bits are fair
too: of bunches that come to each run with probability q, independently, those that only the
candidate has come with q (1 - q), at most 1/4.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats

__all__ = ["MOST_OF_A_PAIR", "RATIOS", "mde_count_of", "running_count_evidence"]

RATIOS = (1.1, 1.25, 1.5, 2.0, 4.0, 8.0, 32.0)
"""Rate ratios that share one half of the weight."""

MOST_OF_A_PAIR = 4.0
"""Largest factor of one pair."""


def running_count_evidence(
    candidate: npt.ArrayLike,
    baseline: npt.ArrayLike,
    share: npt.ArrayLike,
    most: float = MOST_OF_A_PAIR,
) -> Floats:
    """Logarithm of E after each pair; failures (..., pairs) -> (..., pairs).

    ``share``, shape (pairs,) or a number, is p0, in (0, 1).  ``most`` bounds a pair's factor;
    infinity is the plain test, which takes every failure for an event of its own.
    """
    ours, theirs = (np.asarray(x, dtype=np.float64) for x in (candidate, baseline))
    p0 = np.asarray(share, dtype=np.float64)
    bound = math.log(most)
    alone = np.where(theirs > 0, -np.inf, np.minimum(-ours * np.log(p0), bound))
    evidence = math.log(0.5) + np.cumsum(alone, axis=-1)
    weight = math.log(0.5 / len(RATIOS))
    for ratio in RATIOS:
        shrunk = np.log(1.0 - p0 + ratio * p0)
        steps = ours * (math.log(ratio) - shrunk) - theirs * shrunk
        evidence = np.logaddexp(evidence, weight + np.cumsum(np.minimum(steps, bound), axis=-1))
    return np.asarray(evidence)


def mde_count_of(baseline: int, pairs: int, due: int, threshold: float) -> int | None:
    """Fewest failures of the candidate, of ``due``, that reach ``threshold`` beside the baseline's.

    As if both arms' failures were spread evenly over the pairs, which share their load half and
    half.  None where not even all failing do.
    """
    if not pairs:
        return None

    def reaches(candidate: int) -> bool:
        ours, theirs = (np.full(pairs, count / pairs) for count in (candidate, baseline))
        return bool(running_count_evidence(ours, theirs, 0.5)[-1] >= math.log(threshold))

    low, high = 0, due
    if not reaches(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high
