"""The verdict over stored numbers: whether a candidate lies where the baseline's campaigns predict.

Nothing was measured side by side here, so a new campaign of the *same* image would differ too: the
unit of inference is the campaign, never the run or the request.  The model and its references are
in `verdict.prediction`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import Drift, DriftedMetric, ReasonFact
from socklat_gate.measured.names import CAPACITY_RPS
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run_values import request_names, request_part, without_correction
from socklat_gate.measured.verdict import MetricVerdict, Outcome, Verdict
from socklat_gate.verdict.answers import answer_differences
from socklat_gate.verdict.judged_values import run_quantile_ns
from socklat_gate.verdict.limits import (
    JudgedLimit,
    judge_limits,
    lacking_facts,
    limit_facts,
    undecided_limits,
)
from socklat_gate.verdict.log_scale import relative
from socklat_gate.verdict.overlap import overlap_fact
from socklat_gate.verdict.prediction import predict
from socklat_gate.verdict.stored_holds import stored_holds
from socklat_gate.verdict.stored_limit import fail_limit, slow_day_campaigns
from socklat_gate.verdict.unseen import unseen_requests
from socklat_gate.verdict.zone import waiver_in_force, zone_of

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Metric, Waiver

__all__ = ["MIN_CAMPAIGNS", "compare", "drift"]

MIN_CAMPAIGNS = 5
"""Fewest baseline campaigns for a verdict: fewer hardly show how much campaigns differ.

At alpha / m = 0.33%, Student's t is 5.2 with 5 campaigns, 6.7 with 4, 12 with 3 and 95 with 2.
"""

PASS_SHARE = 0.5
"""Of alpha_pass: days resemble those before them, so that stored ones differ by too little."""


def compare(
    baseline: Sequence[Campaign],
    candidate: Campaign,
    gate: Gate,
    *,
    waivers: Sequence[Waiver] = (),
) -> Verdict:
    """Verdict over stored campaigns; whether they are comparable is checked by the caller.

    REGRESSION when some metric's lower one-sided limit (`verdict.stored_limit`, at its part of
    alpha) for candidate - predicted lies above ln(1 + tolerance); PASS when all upper ones of
    Student's t (half of alpha_pass) lie below ln(1 + failure); otherwise INCONCLUSIVE:
    BETWEEN_LIMITS (``needed`` campaigns would have met a slow day), TOO_FEW_CAMPAIGNS (below 5),
    TOO_FEW_SAMPLES (a run without enough exchanges; it makes its metric inconclusive),
    NOT_MEASURED (no run of one side has the number), OVERLAPPING_REQUESTS, ANSWERS_DIFFER,
    REQUEST_NOT_SEEN, or, in place of a pass, RAW_SLOWER or CLIENTS_SLOWER.  ``waivers`` move limits
    up.  Spikes and errors are not judged: their rates differ between days by more than counts can
    show; failed requests are other responses here, to all or to a name (ANSWERS_DIFFER).
    ``baseline_ns`` is the prediction, ``candidate_ns`` the geometric mean over the runs, the
    interval a two-sided 95% one; the evidence and its thresholds are NaN.

    Raises `ValueError` for a waiver of what is not gated.
    """
    stored_runs = [run for campaign in baseline for run in campaign.runs]
    gate.check_waivers(waivers, request_names([*stored_runs, *candidate.runs]))
    waived = {waiver.metric: waiver for waiver in waivers}
    metrics = tuple(
        _judge(baseline, candidate, metric, gate, waived.get(metric.name))
        for metric in gate.compared
    )
    # Campaigns hold no staircases.
    carried = (
        [ReasonFact(Reason.NOT_MEASURED, CAPACITY_RPS)] if gate.capacity_metric is not None else []
    )
    differences = [
        *answer_differences(stored_runs, candidate.runs, gate, errors=False),
        *unseen_requests(stored_runs, candidate.runs),
    ]
    blocked = [
        fact
        for who, runs in (("baseline", stored_runs), ("candidate", list(candidate.runs)))
        if (fact := overlap_fact(runs, who, gate.max_overlap))
    ]
    campaigns = {"campaigns": len(baseline)}
    if len(baseline) < MIN_CAMPAIGNS:
        numbers = {**campaigns, "needed": MIN_CAMPAIGNS}
        blocked.append(ReasonFact(Reason.TOO_FEW_CAMPAIGNS, numbers=numbers))
    too_few = [
        ReasonFact(
            Reason.NOT_MEASURED if _unmeasured(metric) else Reason.TOO_FEW_SAMPLES, metric.name
        )
        for metric in metrics
        if metric.shortfalls
    ]
    too_few += carried
    limits = judge_limits(candidate.runs, np.arange(len(candidate.runs)), gate)
    too_few += lacking_facts(limits, too_few)
    if blocked:
        metrics = tuple(replace(metric, verdict=Outcome.INCONCLUSIVE) for metric in metrics)
        limits = undecided_limits(limits)
        return _verdict(Outcome.INCONCLUSIVE, (*blocked, *too_few), metrics, limits)
    failed = [metric for metric in metrics if metric.verdict is Outcome.REGRESSION]
    above = limit_facts(limits, Outcome.REGRESSION)
    if failed or above:
        facts = [ReasonFact(Reason.REGRESSION, metric.name, campaigns) for metric in failed]
        reasons = (*facts, *above, *differences, *too_few)
        return _verdict(Outcome.REGRESSION, reasons, metrics, limits)
    outcomes = [*(one.verdict for one in metrics), *(one.verdict.verdict for one in limits)]
    if differences:
        return _verdict(Outcome.INCONCLUSIVE, (*differences, *too_few), metrics, limits)
    if all(outcome is Outcome.PASS for outcome in outcomes):
        if holds := [*carried, *stored_holds(baseline, candidate, gate, waived)]:
            return _verdict(Outcome.INCONCLUSIVE, tuple(holds), metrics, limits)
        fact = ReasonFact(Reason.WITHIN_PREDICTION, numbers=campaigns)
        return _verdict(Outcome.PASS, (fact,), metrics, limits)
    numbers = campaigns
    if len(baseline) < slow_day_campaigns(gate.alpha):
        numbers = {**campaigns, "needed": slow_day_campaigns(gate.alpha)}
    between = [
        ReasonFact(Reason.BETWEEN_LIMITS, metric.name, numbers)
        for metric in metrics
        if metric.verdict is Outcome.INCONCLUSIVE and not metric.shortfalls
    ]
    between += limit_facts(limits, Outcome.INCONCLUSIVE)
    return _verdict(Outcome.INCONCLUSIVE, (*too_few, *between), metrics, limits)


def _verdict(
    outcome: Outcome,
    reasons: tuple[ReasonFact, ...],
    metrics: tuple[MetricVerdict, ...],
    limits: Sequence[JudgedLimit],
) -> Verdict:
    return Verdict(outcome, reasons, metrics, limits=tuple(one.verdict for one in limits))


def drift(baseline: Sequence[Campaign], pairs: Sequence[Pair], gate: Gate) -> Drift | None:
    """Whether today's baseline arm lies within the stored campaigns' prediction.

    Two-sided 95% prediction over all gated metrics together (Bonferroni); None below 2 campaigns
    or without usable pairs.
    """
    today = [pair.baseline for pair in pairs if not pair.excluded]
    if len(baseline) < 2 or not today:
        return None
    outside: list[DriftedMetric] = []
    unknown: list[str] = []
    for metric in gate.compared:
        prediction, problems = predict(baseline, today, metric)
        if problems:
            unknown.append(metric.name)
            continue
        half = prediction.limit(1.0 - 0.05 / (2 * len(gate.compared)))
        if abs(prediction.difference) > half:
            change = relative(prediction.difference)
            outside.append(DriftedMetric(metric.name, change, relative(-half), relative(half)))
    compared = len(gate.compared) - len(unknown)
    return Drift(len(baseline), compared, tuple(outside), tuple(unknown))


def _judge(
    baseline: Sequence[Campaign],
    candidate: Campaign,
    metric: Metric,
    gate: Gate,
    waiver: Waiver | None,
) -> MetricVerdict:
    zone = zone_of(metric, gate, waiver=waiver)
    prediction, shortfalls = predict(baseline, candidate.runs, metric)
    to_fail = fail_limit(prediction, 1.0 - gate.alpha_stored(metric), gate.alpha)
    to_pass = prediction.limit(1.0 - PASS_SHARE * gate.alpha_pass)
    outcome = Outcome.INCONCLUSIVE
    if not shortfalls:
        if prediction.difference - to_fail > zone.d0:
            outcome = Outcome.REGRESSION
        elif prediction.difference + to_pass < zone.d1:
            outcome = Outcome.PASS
    half = prediction.limit(0.975)
    return MetricVerdict(
        name=metric.name,
        stage=metric.stage,
        quantile=metric.quantile,
        tolerance=metric.tolerance if waiver is None else waiver.ceiling,
        regression_threshold=metric.regression_threshold if waiver is None else relative(zone.d1),
        baseline_ns=math.exp(prediction.predicted),
        candidate_ns=math.exp(prediction.observed),
        change=relative(prediction.difference),
        ci_low=relative(prediction.difference - half),
        ci_high=relative(prediction.difference + half),
        evidence_fail=math.nan,
        evidence_pass=math.nan,
        threshold_fail=math.nan,
        threshold_pass=math.nan,
        mde=relative(zone.d0 + to_fail),
        pairs_to_decide=None,
        verdict=outcome,
        improved=not shortfalls and prediction.difference + to_pass < -math.log1p(metric.tolerance),
        waived=waiver_in_force(waiver),
        raw_candidate_ns=_raw_ns(candidate, metric),
        shortfalls=shortfalls,
        request=metric.request or "",
    )


def _unmeasured(verdict: MetricVerdict) -> bool:
    """CPU time that no run of one side knows; exchanges are only ever too few."""
    values = (verdict.baseline_ns, verdict.candidate_ns)
    return verdict.quantile is None and any(math.isnan(value) for value in values)


def _raw_ns(candidate: Campaign, metric: Metric) -> float:
    """Geometric mean of the runs' raw numbers; NaN where none of them was corrected."""
    stage, quantile = metric.stage, metric.quantile
    runs = [request_part(run, metric.request) for run in candidate.runs]
    corrected = [run.corrected for run in runs if run.corrected is not None]
    if quantile is None or not any(stage in one.histograms for one in corrected):
        return math.nan
    found = [run_quantile_ns(without_correction(run), stage, quantile)[0] for run in runs]
    known = [value for value in found if math.isfinite(value)]
    return float(np.exp(np.mean(np.log(known)))) if known else math.nan
