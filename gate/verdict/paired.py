"""The verdict over pairs measured side by side: sequential, valid after every pair.

FAIL as soon as any metric's E_F reaches m / alpha (m gated metrics, Bonferroni); PASS as soon as
every metric's E_P has reached 1 / alpha_pass; see `gate.verdict.evidence` for both.

Both are stopping rules, so each metric keeps the largest evidence that any prefix of the pairs
reached: Ville's inequality bounds the chance that evidence *ever* reaches its threshold, so the
running maximum has the same error rate.  For PASS this matters because the metrics do not reach
their thresholds at the same pair; no correction for m is needed there, since a wrong PASS needs
the one metric that is truly at its failure limit to have reached its own threshold.  When both
kinds of evidence were reached (a change inside the indifference zone, a caller that went on
measuring), it is a regression.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gate.campaign import ARMS, Pair
from gate.errors import Reason
from gate.scenario import Gate, Metric
from gate.verdict.attribution import attribute
from gate.verdict.estimate import (
    confidence_interval,
    further_pairs,
    hodges_lehmann,
    mde,
)
from gate.verdict.evidence import (
    Floats,
    as_e_value,
    running_fail_evidence,
    running_pass_evidence,
)
from gate.verdict.model import MetricVerdict, Outcome, Verdict
from gate.verdict.overlap import overlap_problem
from gate.verdict.quantiles import pair_log_ratios
from gate.verdict.wording import listing, percent, percent_range, plural, relative

__all__ = ["decide", "default_scale"]

BUDGETS = {Reason.BUDGET_PAIRS: "pairs", Reason.BUDGET_MINUTES: "minutes"}


def default_scale(metric: Metric) -> float:
    """Width of the indifference zone, ln(1 + failure) - ln(1 + tolerance): the default ``scale``.

    It is fixed before any pair is seen, and the error rates do not depend on it.  Simulated with
    normal noise of pair SD 0.01-0.04 (p50), 0.03-0.08 (p90) and 0.06-0.25 (p99), 4000 jobs each,
    against a quarter, half, twice and four times this width, to PASS without a change and to FAIL
    at 1 and 1.5 times ``failure``: the median is never more than 2 pairs above the best choice's.
    Narrower saves at most those 2 pairs where the noise is small and loses where it is large (p99,
    SD 0.15, truly at ``failure``: a quarter of the width fails 29% of the jobs within 40 pairs,
    half 46%, this one and twice 50%); wider costs a pair or two where the noise is small and gains
    at most 1 where it is large.
    """
    return math.log1p(metric.failure) - math.log1p(metric.tolerance)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A metric's verdict, what it lacks, and further pairs to each kind of evidence."""

    verdict: MetricVerdict
    too_few: tuple[str, ...]
    to_fail: int | None
    to_pass: int | None


def decide(
    pairs: Sequence[Pair],
    gate: Gate,
    scales: Mapping[str, float] | None = None,
    budget_spent: Reason | None = None,
) -> Verdict:
    """Verdict over all pairs so far; meant to be called after every pair.

    ``scales`` overrides `default_scale` by metric name (log scale); it must not be derived from
    these pairs.  Pairs set aside are not used.  ``budget_spent`` (BUDGET_PAIRS or BUDGET_MINUTES)
    says that no more pairs will come: an open verdict then carries it and says how many more pairs
    would decide.  Until then an open verdict is INCONCLUSIVE with BETWEEN_LIMITS.  A pair without
    enough exchanges makes its metric INCONCLUSIVE (TOO_FEW_SAMPLES), so the job cannot pass any
    more; overlapping requests beyond ``gate.max_overlap`` in an arm make everything INCONCLUSIVE.

    Raises `ValueError` for an unknown metric in ``scales`` or another kind of ``budget_spent``,
    `InvalidMeasurement` when a run lacks the counters of overlapping.
    """
    scales = scales or {}
    unknown = scales.keys() - {metric.name for metric in gate.metrics}
    if unknown:
        raise ValueError(f"a scale is given for {', '.join(sorted(unknown))}, which is not gated")
    if budget_spent is not None and budget_spent not in BUDGETS:
        raise ValueError(f"{budget_spent} is not a budget")
    used = [pair for pair in pairs if not pair.set_aside]
    judged = [
        _judge(used, metric, gate, scales.get(metric.name, default_scale(metric)))
        for metric in gate.metrics
    ]
    metrics = tuple(one.verdict for one in judged)
    reasons: list[tuple[Reason, str]] = []
    further: int | None = None
    overlaps = [
        problem
        for arm in ARMS
        if (problem := overlap_problem((p.arm(arm) for p in used), arm, gate.max_overlap))
    ]
    failed = [metric for metric in metrics if metric.verdict is Outcome.REGRESSION]
    if overlaps:
        outcome = Outcome.INCONCLUSIVE
        reasons = [(Reason.OVERLAPPING_REQUESTS, problem) for problem in overlaps]
        metrics = tuple(
            replace(metric, verdict=Outcome.INCONCLUSIVE, further_pairs=None) for metric in metrics
        )
    elif failed:
        outcome, further = Outcome.REGRESSION, 0
        reasons = [(Reason.REGRESSION, _failed_text(metric)) for metric in failed]
    elif all(metric.verdict is Outcome.PASS for metric in metrics):
        outcome, further = Outcome.PASS, 0
        reasons = [(Reason.NO_REGRESSION, _passed_text(metrics, len(used)))]
    else:
        outcome, further = Outcome.INCONCLUSIVE, _further_of_job(judged)
    reasons += [
        (Reason.TOO_FEW_SAMPLES, f"{one.verdict.name} cannot be judged: {listing(one.too_few)}")
        for one in judged
        if one.too_few
    ]
    if outcome is Outcome.INCONCLUSIVE:
        if budget_spent is not None:
            blocked = bool(overlaps) or any(one.too_few for one in judged)
            reasons.append((budget_spent, _open_text(budget_spent, len(used), further, blocked)))
            if not used:
                reasons.append((Reason.TOO_FEW_SAMPLES, "no pair could be used"))
        elif not reasons:
            text = f"{plural(len(used), 'pair')} so far neither pass nor fail"
            reasons.append((Reason.BETWEEN_LIMITS, text))
    return Verdict(outcome, tuple(reasons), metrics, attribute(used), len(used), further)


def _judge(used: Sequence[Pair], metric: Metric, gate: Gate, scale: float) -> _Judged:
    d0, d1 = math.log1p(metric.tolerance), math.log1p(metric.failure)
    needed_fail, needed_pass = len(gate.metrics) / gate.alpha, 1.0 / gate.alpha_pass
    ratios = pair_log_ratios(used, metric.stage, metric.quantile)
    d = ratios.log_ratios
    log_fail = _largest(running_fail_evidence(d, d0, scale))
    log_pass = _largest(running_pass_evidence(d, d1, scale))
    ci_low, ci_high = confidence_interval(d, scale)
    to_fail = to_pass = None
    outcome = Outcome.INCONCLUSIVE
    if not ratios.too_few:
        to_fail = further_pairs(d, d0, scale, needed_fail)
        to_pass = further_pairs(-d, -d1, scale, needed_pass)
        if log_fail >= math.log(needed_fail):
            outcome = Outcome.REGRESSION
        elif log_pass >= math.log(needed_pass):
            outcome = Outcome.PASS
    verdict = MetricVerdict(
        name=metric.name,
        stage=metric.stage,
        quantile=metric.quantile,
        tolerance=metric.tolerance,
        failure=metric.failure,
        baseline_ns=_median(ratios.baseline_ns[ratios.usable]),
        candidate_ns=_median(ratios.candidate_ns[ratios.usable]),
        change=relative(hodges_lehmann(d)),
        ci_low=relative(ci_low),
        ci_high=relative(ci_high),
        evidence_fail=as_e_value(log_fail),
        evidence_pass=as_e_value(log_pass),
        needed_fail=needed_fail,
        needed_pass=needed_pass,
        mde=relative(mde(d, d0, scale, needed_fail)),
        further_pairs=min((n for n in (to_fail, to_pass) if n is not None), default=None),
        verdict=outcome,
    )
    return _Judged(verdict, ratios.too_few, to_fail, to_pass)


def _largest(log_evidence: Floats) -> float:
    """Largest evidence over the prefixes, the empty one (evidence 1) included."""
    return float(max(0.0, log_evidence.max(initial=0.0)))


def _median(values_ns: Floats) -> float:
    return float(np.median(values_ns)) if values_ns.size else math.nan


def _further_of_job(judged: Sequence[_Judged]) -> int | None:
    """Pairs until the first metric fails or the last one passes."""
    ways = [one.to_fail for one in judged]
    to_pass = [one.to_pass for one in judged]
    ways.append(None if None in to_pass else max(n for n in to_pass if n is not None))
    return min((n for n in ways if n is not None), default=None)


def _failed_text(metric: MetricVerdict) -> str:
    return (
        f"{metric.name} changed by {percent(metric.change)} (95% interval "
        f"{percent_range(metric.ci_low, metric.ci_high)}); up to "
        f"{percent(metric.tolerance)} is accepted"
    )


def _passed_text(metrics: Sequence[MetricVerdict], pairs: int) -> str:
    limits = ", ".join(f"{metric.name} {percent(metric.failure)}" for metric in metrics)
    return f"{plural(pairs, 'pair')} exclude changes as large as {limits}"


def _open_text(budget: Reason, pairs: int, further: int | None, blocked: bool) -> str:
    text = f"the budget of {BUDGETS[budget]} is spent after {plural(pairs, 'usable pair')}"
    if further is not None:
        return f"{text}; about {plural(further, 'more pair')} would decide"
    if blocked or not pairs:
        return text
    return f"{text}; more pairs like these are not expected to decide"
