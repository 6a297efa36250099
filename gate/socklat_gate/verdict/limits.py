"""Absolute limits: whether the candidate's quantile is below its limit, by its runs alone.

How its runs speak for "above" and for "below" is `verdict.beside_limit`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Lack, ReasonFact
from socklat_gate.measured.names import STARTUP
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import request_part
from socklat_gate.measured.verdict import LimitVerdict, Outcome
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.beside_limit import SCALE, containers_beside, exchanges_beside
from socklat_gate.verdict.clusters import ClusterIds
from socklat_gate.verdict.estimate import pairs_to_decide
from socklat_gate.verdict.evidence import as_e_value, running_pass_evidence
from socklat_gate.verdict.interval import confidence_interval
from socklat_gate.verdict.judged_values import run_quantile_ns

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Metric

__all__ = [
    "JudgedLimit",
    "failed_limit",
    "judge_limits",
    "lacking_facts",
    "limit_facts",
    "undecided_limits",
]

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
        held = containers_beside(values, clusters, limit_ns)
    else:
        held = exchanges_beside(runs, metric.stage, quantile, clusters, limit_ns)
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
