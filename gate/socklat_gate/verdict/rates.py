"""Whether events come at a higher rate in one arm: a sequential test of Poisson counts.

Under equal rates an event belongs to the candidate with probability p0, its share of the exposure,
whatever the rate (the conditional binomial test of Przyborowski and Wilenski 1940).  For a rate
ratio r > 1 the probability is p(r) = r p0 / (1 - p0 + r p0), and

    E = sum over r of w(r) * prod over events of  p(r)/p0             (candidate's)
                                                  (1-p(r))/(1-p0)     (reference's)

has mean at most 1 for every ratio up to 1 and is a supermartingale from pair to pair, so by
Ville's inequality it may be looked at after each (see `verdict.evidence`).  Half of the weight
is on r = infinity, "the reference has none": only there do events that have no counterpart count in
full.  With equal exposures, nine of them without one make 1/2 * 2^9 = 256, which fails at half of
alpha = 1% (200).

Where runs differ by more than Poisson chance, an event is no unit of inference.  `dispersion_p`
tests that; then, and where events are not rare, the sign of each pair is the unit
(`sign_counts`).  The test needs runs to see it, so two rules hold before: a run counts for at most
`EVENTS_PER_RUN`, and events must have come in `RUNS_WITH_EVENTS` runs of the candidate.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.verdict import DISPERSION_LEVEL
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.functions import log_sum_exp

__all__ = [
    "EVENTS_PER_RUN",
    "FREQUENT",
    "RUNS_WITH_EVENTS",
    "capped_counts",
    "dispersion_p",
    "mde_events_of",
    "running_dispersion",
    "running_rate_evidence",
    "runs_are_clusters",
    "sign_counts",
]

RATIOS = (1.5, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Rate ratios that share the other half of the weight."""

EVENTS_PER_RUN = 2
RUNS_WITH_EVENTS = 2
FREQUENT = 1.0
"""Events a run, both arms together, above which they are not rare: then runs are compared."""


def running_rate_evidence(
    candidate: npt.ArrayLike, reference: npt.ArrayLike, share: npt.ArrayLike
) -> Floats:
    """Logarithm of E after each pair; event counts (..., pairs) -> (..., pairs).

    ``share``, shape (pairs,) or a number, is p0 at the largest tolerated ratio, in (0, 1).
    """
    ours, theirs = (np.asarray(x, dtype=np.float64) for x in (candidate, reference))
    p0 = np.asarray(share, dtype=np.float64)
    weight = math.log(0.5)
    evidence = np.where(
        np.cumsum(theirs, axis=-1) > 0, -np.inf, weight - np.cumsum(ours * np.log(p0), axis=-1)
    )
    weight -= math.log(len(RATIOS))
    for ratio in RATIOS:
        shrunk = np.log(1.0 - p0 + ratio * p0)
        steps = ours * (math.log(ratio) - shrunk) - theirs * shrunk
        evidence = np.logaddexp(evidence, weight + np.cumsum(steps, axis=-1))
    return np.asarray(evidence)


def mde_events_of(
    reference: float, share: float, threshold: float, limit: int = 1000
) -> int | None:
    """Fewest events of the candidate that reach ``threshold`` beside so many of the reference.

    None beyond ``limit``.  As if all came now: the order within the job is left out.
    """
    ours = np.arange(1, limit + 1, dtype=np.float64)
    parts = [math.log(0.5) - ours * math.log(share)] if reference == 0 else []
    for ratio in RATIOS:
        shrunk = math.log(1.0 - share + ratio * share)
        steps = ours * (math.log(ratio) - shrunk) - reference * shrunk
        parts.append(steps + math.log(0.5 / len(RATIOS)))
    reached = np.flatnonzero(log_sum_exp(parts) >= math.log(threshold))
    return max(RUNS_WITH_EVENTS, int(ours[reached[0]])) if reached.size else None


def capped_counts(
    events: Floats, exposure_s: Floats, tolerance_ratio: float = 1.0
) -> tuple[Floats, Floats, Floats]:
    """Candidate's and reference's events, and the candidate's share at the tolerated rate ratio.

    ``events``, shape (2, ..., runs), and ``exposure_s``, shape (2, runs), hold the baseline arm and
    the candidate.
    """
    ours, theirs = (np.minimum(events[arm], EVENTS_PER_RUN) for arm in (1, 0))
    weighted = tolerance_ratio * exposure_s[1]
    return ours, theirs, weighted / (weighted + exposure_s[0])


def sign_counts(
    events: Floats, exposure_s: Floats, tolerance_ratio: float = 1.0
) -> tuple[Floats, Floats, Floats]:
    """As `capped_counts` where runs, not events, are the clusters: one for the arm that has more.

    Equal exposures make the sign a fair coin however runs differ, since either run could have
    been either arm's.
    """
    ours_s, theirs_s = tolerance_ratio * exposure_s[1], exposure_s[0]
    # Products of counts and exposures, since a rate's last bit must not decide a tie.
    sign = np.sign(events[1] * theirs_s - events[0] * ours_s)
    return (sign > 0).astype(float), (sign < 0).astype(float), ours_s / (ours_s + theirs_s)


def runs_are_clusters(p: npt.ArrayLike, events_per_run: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether runs are compared instead of events: `dispersion_p`, and mean events of all runs.

    Neither depends on which arm has more, so choosing by them favours none.
    """
    return np.asarray((np.asarray(p) < DISPERSION_LEVEL) | (np.asarray(events_per_run) > FREQUENT))


def running_dispersion(counts: npt.ArrayLike, exposure_s: npt.ArrayLike) -> Floats:
    """Pearson's statistic of equal rates, its mean and its variance after each run of one arm.

    Counts (..., runs), exposures of that shape or (runs,), give (3, ..., runs); the moments are
    those given the total.  All 0 where there is nothing to test: fewer than 2 events or runs.
    Runs without exposure are left out.
    """
    x, s = np.asarray(counts, dtype=np.float64), np.asarray(exposure_s, dtype=np.float64)
    total, whole = np.cumsum(x, axis=-1), np.cumsum(s, axis=-1)
    per_s = np.divide(1.0, s, out=np.zeros_like(s), where=s > 0)
    runs = np.cumsum(s > 0, axis=-1)
    some = np.maximum(total, 1.0)
    statistic = whole / some * np.cumsum(x**2 * per_s, axis=-1) - total
    inverse = whole * np.cumsum(per_s, axis=-1)
    variance = 2 * (runs - 1) + (inverse - runs**2 - 2 * runs + 2) / some
    mean = np.broadcast_to(runs - 1.0, x.shape)
    return np.where((total >= 2) & (runs >= 2), np.array([statistic, mean, variance]), 0.0)


def dispersion_p(moments: Floats) -> Floats:
    """P-value of sums of `running_dispersion` over arms, shape (3, ...) -> (...).

    The statistic as a gamma variable with its own mean and variance: events are few, so that
    chi-square would be off.  1 where there is nothing to test.
    """
    statistic, mean, variance = moments
    tested = variance > 0
    if not np.any(tested):  # most jobs, which then need no scipy
        return np.ones(tested.shape)
    from scipy.special import gammaincc  # noqa: PLC0415 - see `verdict.functions`

    safe = np.where(tested, variance, 1.0)
    shape = np.where(tested, mean**2 / safe, 1.0)
    p = gammaincc(shape, np.maximum(statistic, 0.0) * mean / safe)
    return np.asarray(np.where(tested, p, 1.0))
