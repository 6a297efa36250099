"""Absolute limits: whether the candidate's quantile is below its limit, by its runs alone.

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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Lack, ReasonFact
from socklat_gate.measured.histogram import Histogram, bucket_edges_ns
from socklat_gate.measured.names import STARTUP
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import judged_histogram, request_part, used_histogram
from socklat_gate.measured.verdict import LimitVerdict, Outcome
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds, cluster_means, cluster_sums
from socklat_gate.verdict.estimate import pairs_to_decide
from socklat_gate.verdict.evidence import as_e_value, running_fail_evidence, running_pass_evidence
from socklat_gate.verdict.interval import confidence_interval
from socklat_gate.verdict.judged_values import run_quantile_ns
from socklat_gate.verdict.together import carried_on

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Metric

__all__ = [
    "JudgedLimit",
    "failed_limit",
    "judge_limits",
    "lacking_facts",
    "limit_facts",
    "running_above_evidence",
    "undecided_limits",
]

BETS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1.0)
"""The mixture over f: small ones keep what an odd start wins, large ones grow fast."""

SCALE = 0.05
"""Of the symmetric evidence, on the log scale: levels scatter by some percent."""


NUMBERS = (Lack.STAGE, Lack.STARTUP, Lack.MEMORY)
"""What is not there at all; exchanges are only ever too few."""


@dataclass(frozen=True, slots=True)
class JudgedLimit:
    """A limit's verdict, and further clusters until it passes (None: not within reach).

    ``above`` is the logarithm of the evidence to fail after each cluster.
    """

    verdict: LimitVerdict
    to_pass: int | None
    above: Floats


def judge_limits(
    runs: Sequence[Run],
    clusters: ClusterIds,
    gate: Gate,
    containers: int = 1,
    due: Sequence[bool] = (),
) -> tuple[JudgedLimit, ...]:
    """Every metric with a limit, by the candidate's runs so far.

    ``clusters``, shape (runs,), are the runs' starts, as of `verdict.clusters.cluster_ids`.  A run
    without enough exchanges makes its limit INCONCLUSIVE; each of k ``containers`` needs its part.
    ``due``, shape (runs,), says which have to know how their container started; none given: all.
    """
    return tuple(_judge(runs, clusters, metric, gate, containers, due) for metric in gate.limited)


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


def _judge(
    runs: Sequence[Run],
    clusters: ClusterIds,
    metric: Metric,
    gate: Gate,
    containers: int,
    due: Sequence[bool],
) -> JudgedLimit:
    assert metric.limit is not None
    runs = [request_part(run, metric.request) for run in runs]
    quantile, limit_ns = metric.quantile, metric.limit
    alpha = gate.alpha_of(metric)
    found = [run_quantile_ns(run, metric.stage, quantile, containers) for run in runs]
    if quantile is None:
        values = np.array([value for value, _ in found], dtype=np.float64)
        held = _of_containers(values, clusters, limit_ns)
    else:
        held = _of_exchanges(runs, metric.stage, quantile, clusters, limit_ns)
    is_due = due if metric.stage == STARTUP and due else [True] * len(runs)
    shortfalls = tuple(
        lack for (_, lack), needed in zip(found, is_due, strict=True) if lack is not None and needed
    )
    above, raw_above, levels, upper = held.above, held.raw_above, held.levels, held.upper
    below = running_pass_evidence(upper, 0.0, SCALE)
    log_fail, log_pass = (float(max(0.0, one.max(initial=0.0))) for one in (above, below))
    low, high = confidence_interval(levels)[0], confidence_interval(upper)[1]
    is_below = log_pass >= -math.log(gate.alpha_pass) and high < 0
    outcome = Outcome.INCONCLUSIVE
    if not shortfalls:
        if log_fail >= -math.log(alpha):
            outcome = Outcome.REGRESSION
        elif is_below and not raw_above[-1:].max(initial=0.0):
            outcome = Outcome.PASS
    threshold_pass = 1.0 / gate.alpha_pass
    verdict = LimitVerdict(
        name=metric.name,
        stage=metric.stage,
        quantile=quantile,
        limit_ns=limit_ns,
        candidate_ns=held.value,
        ci_low_ns=limit_ns * math.exp(low),
        ci_high_ns=limit_ns * math.exp(high),
        evidence_fail=as_e_value(log_fail),
        evidence_pass=as_e_value(log_pass),
        threshold_fail=1.0 / alpha,
        threshold_pass=threshold_pass,
        runs=int(levels.size),
        verdict=outcome,
        shortfalls=shortfalls,
        request=metric.request or "",
    )
    to_pass = None if shortfalls else pairs_to_decide(-upper, 0.0, SCALE, threshold_pass)
    return JudgedLimit(verdict, to_pass, above)


@dataclass(frozen=True, slots=True)
class _Held:
    """The candidate beside a limit: its value, and by start (running) evidence and log ratios."""

    value: float
    above: Floats
    raw_above: Floats
    levels: Floats
    upper: Floats


def _of_exchanges(
    runs: Sequence[Run], stage: str, quantile: float, clusters: ClusterIds, limit_ns: float
) -> _Held:
    judged = [judged_histogram(run, stage) for run in runs]
    sizes = [_size(used_histogram(run, stage)) for run in runs]
    raw = [run.histograms.get(stage) for run in runs]
    ranks = [min(1.0, quantile + 1 / max(1, n)) for n in sizes]
    return _Held(
        Histogram.merged(h for h in judged if h is not None).quantile_ns(quantile),
        _above(judged, clusters, limit_ns, quantile),
        _above(raw, clusters, limit_ns, quantile),
        _levels(judged, clusters, limit_ns, [quantile] * len(runs)),
        _levels(judged, clusters, limit_ns, ranks),
    )


def _of_containers(values: Floats, clusters: ClusterIds, limit: float) -> _Held:
    """Of one number a run; NaN where it is not known.  Nothing of it is corrected."""
    known = values[np.isfinite(values)]
    levels = cluster_means(np.log(values / limit), clusters)
    over = np.where(np.isfinite(values), values > limit, np.nan)
    by_share = running_above_evidence(cluster_means(over, clusters), 0.5)
    by_level = running_fail_evidence(levels, 0.0, SCALE)
    known_starts = cluster_sums(np.isfinite(values), clusters) > 0
    above = carried_on(np.logaddexp(by_share, by_level) - math.log(2.0), known_starts)
    middle = float(np.median(known)) if known.size else math.nan
    return _Held(middle, above, above, levels, levels)


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


def limit_facts(limits: Sequence[JudgedLimit], outcome: Outcome) -> tuple[ReasonFact, ...]:
    """ABOVE_LIMIT or, for INCONCLUSIVE, LIMIT_NOT_SHOWN of every limit with this outcome."""
    code = Reason.ABOVE_LIMIT if outcome is Outcome.REGRESSION else Reason.LIMIT_NOT_SHOWN
    return tuple(
        ReasonFact(code, one.verdict.name)
        for one in limits
        if one.verdict.verdict is outcome and not one.verdict.shortfalls
    )


def lacking_facts(
    limits: Sequence[JudgedLimit], told: Sequence[ReasonFact] = ()
) -> tuple[ReasonFact, ...]:
    """TOO_FEW_SAMPLES or NOT_MEASURED of every limit that lacks something and is not ``told``."""
    names = {fact.subject for fact in told}
    lacking = [one.verdict for one in limits if one.verdict.shortfalls]
    return tuple(
        ReasonFact(
            Reason.NOT_MEASURED
            if all(lack.lack in NUMBERS for lack in one.shortfalls)
            else Reason.TOO_FEW_SAMPLES,
            one.name,
        )
        for one in lacking
        if one.name not in names
    )


def failed_limit(limit: JudgedLimit) -> JudgedLimit:
    """The same, shown to be above beside all that is judged (`verdict.together`)."""
    return replace(limit, verdict=replace(limit.verdict, verdict=Outcome.REGRESSION))


def undecided_limits(limits: Sequence[JudgedLimit]) -> tuple[JudgedLimit, ...]:
    """The same numbers with nothing decided by them."""
    still = (replace(one.verdict, verdict=Outcome.INCONCLUSIVE) for one in limits)
    return tuple(JudgedLimit(verdict, None, np.zeros(0)) for verdict in still)
