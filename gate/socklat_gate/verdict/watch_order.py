"""Evidence by the order in which containers have their first stop.

If the labels of the arms mean nothing, then whatever stops containers, at whatever rates and
however these differ, the label of the next one that stops for the first time is drawn from those
that are left: the candidate's with probability a / (a + b), if a of its containers and b of the
baseline's were watched then and had none before.  A bet on the candidate at odds r pays

    r (a + b) / (r a + b)   if it is the candidate's,      (a + b) / (r a + b)   if it is not,

which is 1 in the mean, so that the product over first stops is a martingale: by Ville's inequality
it may be looked at at any time (the logrank test as an e-process; ter Schure et al., arXiv
2011.06931).  It is the mean over some r; r = infinity says "the baseline has none".  A container
counts once however often it stops, so one bad container is one event.

One moment is one event.  If it hits several containers that had none before, of one arm only, then
the bet pays what it does for one container, and loses on the other arm as much as makes the mean 1;
if it hits both arms, it is the machine's: the bet is off, and those containers have had their first
stop.  A moment that hits a large part of all containers (`WIDE`) is left out, and so it takes no
container away: the rule does not look at labels.

Of a small fleet the containers are replaced by new ones, all together (`verdict.watch_renewal`):
those that are watched when a moment comes are of one generation, and the product goes on.

Exchangeability is that of the whole fleet.  What is drawn by a coin is who of two is started first.
Where the two of a number are alike and numbers differ (older ones stop more), the arms' hits are
more even than by drawing from all, which makes evidence smaller; ``tests/benchmarks/watch.py``
shows it.
"""

from __future__ import annotations

import math

import numpy as np

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.watch_moments import Moment, Moments

__all__ = ["ODDS", "ODDS_WEIGHTS", "WIDE", "is_wide", "most_at_once", "order_evidence", "payoff"]

ODDS = (2.0, 4.0, 8.0, 32.0, math.inf)
ODDS_WEIGHTS = (0.15, 0.15, 0.15, 0.15, 0.4)

WIDE = 0.25
"""Part of the containers that one moment hits, beyond which it is left out here."""

LEAST_WIDE = 3
"""And so many at least."""


def order_evidence(seen: Moments) -> tuple[Floats, Floats]:
    """When a first stop became known (s), and the logarithm of the evidence after it."""
    first: set[int] = set()
    products = np.ones(len(ODDS))
    times: list[float] = []
    values: list[float] = []
    for moment in sorted(seen.moments, key=lambda one: one.known_s):
        new = [one for one in moment.members if one not in first]
        if not new:
            continue
        if is_wide(seen, moment):
            continue
        up = _up(seen, moment)
        left = [
            sum(at + arm * seen.numbers not in first for at in up) for arm in (0, 1)
        ]  # baseline's, candidate's
        ours = sum(one >= seen.numbers for one in new)
        if ours in (0, len(new)):
            products *= [payoff(odds, left[1], left[0], len(new))[ours == 0] for odds in ODDS]
        first.update(new)
        times.append(moment.known_s)
        values.append(float(products @ ODDS_WEIGHTS))
    with np.errstate(divide="ignore"):
        return np.array(times), np.log(np.array(values))


def most_at_once(seen: Moments, chance: float) -> int:
    """How many of the candidate's containers one moment hit, with none or far fewer of the others.

    Of the moments that hit more than `LEAST_WIDE` containers it is the one that is least likely if
    labels are drawn at random; 0 unless that has less than this ``chance`` over all of them.
    """
    several = [one for one in seen.moments if len(one.members) > LEAST_WIDE]
    found = [_by_chance(seen, moment) for moment in several]
    by_chance, ours = min(found, key=lambda one: (one[0], -one[1]), default=(1.0, 0))
    return ours if len(several) * by_chance < chance else 0


def _by_chance(seen: Moments, moment: Moment) -> tuple[float, int]:
    """That so many of those it hit, or more, are the candidate's; and how many are."""
    hit = len(moment.members)
    ours = sum(one >= seen.numbers for one in moment.members)
    up = max(len(_up(seen, moment)), ours, hit - ours)
    ways = sum(math.comb(up, some) * math.comb(up, hit - some) for some in range(ours, hit + 1))
    return ways / math.comb(2 * up, hit), ours


def _up(seen: Moments, moment: Moment) -> list[int]:
    """The numbers that were watched when it began."""
    at_s = moment.begin_s
    found: list[int] = np.flatnonzero((seen.from_s <= at_s) & (at_s <= seen.to_s)).tolist()
    return found


def is_wide(seen: Moments, moment: Moment) -> bool:
    """Whether it hit too large a part of the containers that were watched."""
    return len(moment.members) > max(LEAST_WIDE, WIDE * 2 * len(_up(seen, moment)))


def payoff(odds: float, ours: int, theirs: int, hit: int) -> tuple[float, float]:
    """Factors if all ``hit`` containers are the candidate's, and if all are the baseline's.

    ``ours`` and ``theirs`` were left.
    """
    if not ours or not theirs:
        return 1.0, 1.0
    chance_ours, chance_theirs = (
        math.comb(some, hit) / math.comb(ours + theirs, hit) for some in (ours, theirs)
    )
    if not chance_ours or not chance_theirs:
        return 1.0, 1.0
    wins = (ours + theirs) / (ours + (0.0 if math.isinf(odds) else theirs / odds))
    wins = min(wins, 1.0 + chance_theirs / chance_ours)
    loses = max(0.0, 1.0 - (wins - 1.0) * chance_ours / chance_theirs)
    return wins, loses
