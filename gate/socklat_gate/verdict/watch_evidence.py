"""Evidence that the candidate's containers stop more: by the order of first stops, and by counts.

`verdict.watch_order` is quick where the baseline hardly stops, and has nothing more to say once
every container has stopped.  `verdict.watch_permutation` compares how often.  The evidence is

    ORDER * (order of first stops)  +  (1 - ORDER) * (looks at the counts)

Each container's count is the sum of 1/m over its moments, m the number of containers of both arms
that the moment hit: one moment is one event, and one that hits all of them moves nobody.  Its score
is the count up to 1 and the root of it beyond, at most `MOST`: the noise of a large count is
larger, and one bad container must not drown the rest.  None of it looks at labels.

**Looks at counts** are made at the fixed times `LOOKS_S`, over the containers watched by then, and
count `LOOK_WEIGHT` each.  The sum so far never falls, and its mean is at most 1 at the end.

Of a small fleet that is renewed (`verdict.watch_renewal`) the labels of each generation are drawn
apart, so that E(l) is the product over generations, and its mean over the rates is taken then.

**At any time.**  Let A(t) be the sum of looks so far and M(t) the martingale of the order.  A is
known from the moments and the labels of containers that had one, which is what M is a martingale
beside.  As A never falls, A(t) <= E[A(end) | what is known at t], a martingale too that starts at
1 or less: so P(ever ORDER M(t) + (1 - ORDER) A(t) >= 1/a) <= a by Ville's inequality, also as a
part of the evidence of all that is judged (`verdict.together`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.watch_moments import Moments
from socklat_gate.verdict.watch_order import order_evidence
from socklat_gate.verdict.watch_permutation import RATES, log_e_by_rate, mean_over_rates

__all__ = ["LOOKS_S", "LOOK_WEIGHT", "ORDER", "WatchEvidence", "scores_of", "watch_evidence"]

ORDER = 0.6
"""Weight of the order of first stops."""

LOOKS_S = tuple(40.0 * 1.3**step for step in range(16)) + tuple(
    40.0 * 1.3**15 * 2.0**step for step in range(1, 5)
)
"""40 s to 34 min, and on to 9 h."""

LOOK_WEIGHT = 1.0 / len(LOOKS_S)

MOST = 4.0
"""The score of 16 stops, or more."""


@dataclass(frozen=True, slots=True)
class WatchEvidence:
    """Logarithms of the evidence, which changes at ``times_s`` and holds until the next.

    ``now_s`` is the end of the watch, ``now`` what the containers show then, without the weights of
    earlier looks: an e-value too, at one time that is fixed beforehand, for what holds up a pass.
    """

    times_s: Floats
    log_evidence: Floats
    now_s: float
    now: float

    def at(self, time_s: npt.ArrayLike) -> Floats:
        """Of each time, seconds since the watch began; before anything was known: `ORDER`."""
        place = np.searchsorted(self.times_s, np.asarray(time_s, dtype=np.float64), side="right")
        return np.asarray(np.concatenate(([math.log(ORDER)], self.log_evidence))[place])


def watch_evidence(seen: Moments) -> WatchEvidence:
    """Of all that was seen."""
    times, order = order_evidence(seen)
    times, order = times[times <= seen.now_s], order[times <= seen.now_s]
    looks = np.array([look for look in LOOKS_S if look <= seen.now_s])
    *counts, last = _log_looks(seen, np.append(looks, seen.now_s))
    every = np.unique(np.concatenate((times, looks)))
    with np.errstate(divide="ignore"):
        so_far = np.concatenate(([-np.inf], np.log(np.cumsum(np.exp(counts)) * LOOK_WEIGHT)))
    by_order = np.concatenate(([0.0], order))[np.searchsorted(times, every, side="right")]
    by_counts = so_far[np.searchsorted(looks, every, side="right")]
    now = np.logaddexp(
        math.log(ORDER) + (order[-1] if order.size else 0.0),
        math.log1p(-ORDER) + last,
    )
    mixed = np.logaddexp(math.log(ORDER) + by_order, math.log1p(-ORDER) + by_counts)
    return WatchEvidence(every, mixed, seen.now_s, float(now))


def scores_of(counts: npt.ArrayLike) -> Floats:
    """What a count of moments is worth."""
    many = np.asarray(counts, dtype=np.float64)
    return np.asarray(np.minimum(np.where(many < 1.0, many, np.sqrt(many)), MOST))


def _log_looks(seen: Moments, times_s: Floats) -> Floats:
    """Logarithm of the e-value of the counts at each time; 0 where nothing was watched."""
    moments = sorted(seen.moments, key=lambda one: one.known_s)
    steps = np.zeros((len(moments) + 1, 2 * seen.numbers))
    for at, moment in enumerate(moments, 1):
        steps[at, list(moment.members)] = 1.0 / len(moment.members)
    known = np.searchsorted([one.known_s for one in moments], times_s, side="right")
    scores = scores_of(np.cumsum(steps, axis=0)[known])  # shape (times, containers)
    begun = seen.from_s < times_s[:, np.newaxis]  # shape (times, numbers)
    found = np.zeros((len(RATES), len(times_s)))
    for generation in np.unique(seen.generations):
        of_it = begun & (seen.generations == generation)
        for up in np.unique(of_it, axis=0):  # looks at the same containers, together
            which = (of_it == up).all(axis=1)
            found[:, which] += log_e_by_rate(scores[which][:, np.tile(up, 2)], int(up.sum()))
    return mean_over_rates(found)
