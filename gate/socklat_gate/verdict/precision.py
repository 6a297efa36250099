"""How precise a quantile of one run is, by its own histogram: Woodruff's standard error.

The share of exchanges below the true quantile is q with a standard error of e_p, so the quantile
itself lies between those at q - e_p and q + e_p (Woodruff 1952); half of their distance on the log
scale is the error of its logarithm.  No shape of the distribution is assumed.

Evidence may weight a pair by it because it is the same with the arms swapped: then the log ratio's
sign is still a fair coin, whatever the error is.  A wrong error costs power and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run_values import judged_histogram, used_histogram
from socklat_gate.verdict.arrays import Floats

__all__ = ["block_errors", "log_quantile_errors", "run_errors"]


def run_errors(
    pair: Pair, stage: str, quantiles: Sequence[float | None], least_ns: float
) -> tuple[Floats, Floats]:
    """Of both arms' quantiles, as they are judged and without a correction; (arms, quantiles).

    NaN where there is no histogram, and for CPU time, the quantile None.
    """
    found, raw = np.full((2, len(ARMS), len(quantiles)), np.nan)
    at = [place for place, quantile in enumerate(quantiles) if quantile is not None]
    shares = [quantile for quantile in quantiles if quantile is not None]
    for row, arm in enumerate(ARMS):
        run = pair.arm(arm)
        judged, used = judged_histogram(run, stage), used_histogram(run, stage)
        every = run.histograms.get(stage)
        if shares and every is not None:
            raw[row, at] = log_quantile_errors(every, every, shares, least_ns)
        if judged is every:
            found[row] = raw[row]
        elif shares and judged is not None and used is not None:
            found[row, at] = log_quantile_errors(judged, used, shares, least_ns)
    return found, raw


def log_quantile_errors(
    judged: Histogram, used: Histogram, quantiles: Sequence[float], least_ns: float
) -> Floats:
    """Standard error of ln(quantile) for each of them; NaN without exchanges.

    ``used`` are the exchanges that ``judged`` rests on, each counted once.  Where those are
    weighted, e_p follows from the mean weight of each bucket: heavy ones make it larger.  Values
    count as at least ``least_ns``.
    """
    shares = np.asarray(quantiles, dtype=np.float64)
    if not (judged.total and used.total):
        return np.full(shares.shape, np.nan)
    if judged is used:
        share_errors = np.sqrt(shares * (1.0 - shares) / used.total)
    else:
        share_errors = _weighted_share_errors(judged, used, shares)
    ends = np.clip([shares - share_errors, shares + share_errors], 0.0, 1.0)
    low, high = np.log(np.maximum(judged.quantiles_ns(ends), least_ns))
    return np.asarray((high - low) / 2.0)


def _weighted_share_errors(judged: Histogram, used: Histogram, shares: Floats) -> Floats:
    """Standard error of the weighted share below each quantile.

    Var = sum of w^2 (below - q)^2 / (sum of w)^2; a bucket's exchanges have its mean weight.
    """
    weight, count = judged.counts.astype(np.float64), used.counts.astype(np.float64)
    squares = np.divide(weight * weight, count, out=np.zeros_like(weight), where=count > 0)
    total = weight.sum()
    below = np.cumsum(squares)
    # The bucket that holds the quantile counts as below.
    at = np.minimum(np.searchsorted(np.cumsum(weight), shares * total), weight.size - 1)
    variance = below[at] * (1.0 - shares) ** 2 + (below[-1] - below[at]) * shares**2
    return np.asarray(np.sqrt(variance) / total)


def block_errors(errors: npt.ArrayLike) -> Floats:
    """Standard error of each cluster's log ratio; (clusters, arms, k) -> (clusters,).

    The same however the containers of a cluster are called, and as if all were as precise as the
    more precise half of them: of a pair both arms as the more precise one.  What disturbs the
    machine disturbs both arms.  A candidate that is imprecise just when it is slow could else take
    the weight from those very clusters and pass by the others (simulated: 18% of the jobs became
    75%); it has no say in how precise the baseline is.
    """
    given = np.asarray(errors, dtype=np.float64)
    clusters, arms, containers = given.shape
    squares = np.sort(given.reshape(clusters, arms * containers) ** 2, axis=1)[:, :containers]
    return np.asarray(np.sqrt(2.0 * squares.sum(axis=1)) / containers)
