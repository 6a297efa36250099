"""What the candidate's runs say beside an absolute limit: that it is above, and that it is below.

There are no coins between a limit and a run, so what holds here rests on assumptions that coins do
not give; the start of a container is the unit.

**Above.**  The mean of two e-values, which is one.  The first bets on a bounded mean: with y_i the
share of requests of start i that took longer than the limit and p = 1 - q,

    E_S = mean over f of prod_i (1 + (f / p)(y_i - p))      against "the share is at most p"

y_i lies in [0, 1], so with f <= 1 no factor is negative, and its mean is at most 1 as long as the
expected share of the next start, whatever the earlier ones were, is at most p: starts are draws of
one candidate, however much these differ.  A candidate that is slow in every fifth start is found
(Waudby-Smith and Ramdas, arXiv 2010.09686).  The second is the evidence to fail of
`verdict.evidence` with ln(limit) for d0: it takes the starts' log quantiles to scatter
symmetrically about the candidate's level, and is sooner where they do.  Ville's inequality gives
the error rate at any stopping time.

**Below.**  That a mean is small cannot be shown by few starts without an assumption about those
that were not seen: it is the same symmetry, with the evidence to pass.  And the upper end of the
95% interval of the level has to be below the limit, and no evidence by raw numbers may speak for
"above": a limit is about what clients see.

A quantile of n exchanges lies below the true one in a little more than half of the starts at rank
q n and in a little less at rank q n + 1 (binomial); "above" takes the first and "below" the second,
so that sampling makes neither more frequent than it may be.

A number of the container (start-up time, peak memory) has no distribution within a start: y_i is 1
or 0, and what is held to the limit is the median of the starts, p = 1/2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import Histogram, bucket_edges_ns
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import judged_histogram, used_histogram
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds, cluster_means, cluster_sums
from socklat_gate.verdict.evidence import running_fail_evidence
from socklat_gate.verdict.together import carried_on

__all__ = ["SCALE", "Beside", "containers_beside", "exchanges_beside", "running_above_evidence"]

BETS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1.0)
"""The mixture over f: small ones keep what an odd start wins, large ones grow fast."""

SCALE = 0.05
"""Of the symmetric evidence, on the log scale: levels scatter by some percent."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The candidate beside a limit: its value, and by start (running) evidence and log ratios."""

    value: float
    above: Floats
    raw_above: Floats
    levels: Floats
    upper: Floats


def exchanges_beside(
    runs: Sequence[Run], stage: str, quantile: float, clusters: ClusterIds, limit_ns: float
) -> Beside:
    """Of a quantile, by the runs' histograms; ``clusters``, shape (runs,), are their starts."""
    judged = [judged_histogram(run, stage) for run in runs]
    sizes = [_size(used_histogram(run, stage)) for run in runs]
    raw = [run.histograms.get(stage) for run in runs]
    ranks = [min(1.0, quantile + 1 / max(1, n)) for n in sizes]
    return Beside(
        Histogram.merged(h for h in judged if h is not None).quantile_ns(quantile),
        _above(judged, clusters, limit_ns, quantile),
        _above(raw, clusters, limit_ns, quantile),
        _levels(judged, clusters, limit_ns, [quantile] * len(runs)),
        _levels(judged, clusters, limit_ns, ranks),
    )


def containers_beside(values: Floats, clusters: ClusterIds, limit: float) -> Beside:
    """Of one number a run; NaN where it is not known.  Nothing of it is corrected."""
    known = values[np.isfinite(values)]
    levels = cluster_means(np.log(values / limit), clusters)
    over = np.where(np.isfinite(values), values > limit, np.nan)
    by_share = running_above_evidence(cluster_means(over, clusters), 0.5)
    by_level = running_fail_evidence(levels, 0.0, SCALE)
    known_starts = cluster_sums(np.isfinite(values), clusters) > 0
    above = carried_on(np.logaddexp(by_share, by_level) - math.log(2.0), known_starts)
    middle = float(np.median(known)) if known.size else math.nan
    return Beside(middle, above, above, levels, levels)


def running_above_evidence(shares: npt.ArrayLike, allowed: float) -> Floats:
    """Logarithm of E_F after each start; shape (starts,) -> (starts,).

    ``shares`` lie in [0, 1], ``allowed`` in (0, 1): the share that may take longer.
    """
    over = np.asarray(shares, dtype=np.float64) / allowed - 1.0
    total = np.full(over.shape, -np.inf)
    with np.errstate(divide="ignore"):
        for bet in BETS:
            total = np.logaddexp(total, np.cumsum(np.log1p(bet * over)))
    return np.asarray(total - math.log(len(BETS)))


def _above(
    histograms: Sequence[Histogram | None], clusters: ClusterIds, limit_ns: float, quantile: float
) -> Floats:
    """Running evidence of "above", logarithm of the mean of both kinds.

    Buckets that reach across the limit count as below it.
    """
    first = int(np.searchsorted(bucket_edges_ns(), limit_ns, side="left"))
    shares = [
        float(h.counts[first:].sum()) / h.total if h is not None and h.total else math.nan
        for h in histograms
    ]
    by_share = running_above_evidence(cluster_means(shares, clusters), 1.0 - quantile)
    levels = _levels(histograms, clusters, limit_ns, [quantile] * len(histograms))
    by_level = running_fail_evidence(levels, 0.0, SCALE)
    return np.asarray(np.logaddexp(by_share, by_level) - math.log(2.0))


def _levels(
    histograms: Sequence[Histogram | None],
    clusters: ClusterIds,
    limit_ns: float,
    shares: Sequence[float],
) -> Floats:
    """Log ratio of each start's quantile to the limit, shape (starts,); empty ones left out."""
    logs = [
        math.nan if h is None or not h.total else _log(h.quantile_ns(share) / limit_ns)
        for h, share in zip(histograms, shares, strict=True)
    ]
    return cluster_means(logs, clusters)


def _log(ratio: float) -> float:
    return math.log(max(ratio, 1e-12))


def _size(used: Histogram | None) -> int:
    return used.total if used is not None else 0
