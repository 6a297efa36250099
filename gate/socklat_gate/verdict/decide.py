"""The verdict over pairs measured side by side: sequential, valid after every pair.

FAIL as soon as any metric's E_F reaches its 1 / alpha share (Bonferroni over the metrics), or the
spikes' evidence theirs; PASS as soon as every metric's E_P has reached 1 / alpha_pass; see
`verdict.evidence` for both and `verdict.spikes` for spikes.

Both are stopping rules, so each metric keeps the largest evidence that any prefix of the pairs
reached: Ville's inequality bounds the chance that evidence *ever* reaches its threshold, so the
running maximum has the same error rate.  For PASS this matters because the metrics do not reach
their thresholds at the same pair; no correction for m is needed there, since a wrong PASS needs
the one metric that is truly at its failure limit to have reached its own threshold.  When both
kinds of evidence were reached (a change inside the indifference zone, a caller that went on
measuring), it is a regression.  Spikes hold up a PASS only as long as ``gate.spikes.watch_s`` says:
no job is long enough to show that there are none, so their power is reported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from socklat_gate.errors import Reason
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.verdict import MetricVerdict, Outcome, SpikeVerdict, Verdict
from socklat_gate.scenario.gating import SPIKES, Gate, Waiver
from socklat_gate.verdict.attribution import attribute
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.judge import Judged, judge_metric
from socklat_gate.verdict.log_ratios import LogRatios, stage_log_ratios
from socklat_gate.verdict.overlap import overlap_fact
from socklat_gate.verdict.spikes import judge_spikes
from socklat_gate.verdict.zone import default_scale

__all__ = ["decide", "default_scale"]

BUDGETS = {Reason.BUDGET_PAIRS, Reason.BUDGET_MINUTES}


def decide(
    pairs: Sequence[Pair],
    gate: Gate,
    scales: Mapping[str, float] | None = None,
    budget_spent: Reason | None = None,
    *,
    waivers: Sequence[Waiver] = (),
    stored: Sequence[Campaign] = (),
) -> Verdict:
    """Verdict over all pairs so far; meant to be called after every pair.

    ``scales`` overrides `default_scale` by metric name (log scale); it must not be derived from
    these pairs.  Pairs excluded are not used.  ``waivers`` move limits up (the scenario has
    checked their names and dates); ``stored`` campaigns of the baseline, all there are, add their
    exposure to the spikes' reference.  ``budget_spent`` (BUDGET_PAIRS or BUDGET_MINUTES) says that
    no more pairs will come: an open verdict then carries it and says how many more pairs would
    decide.  Until then an open verdict is INCONCLUSIVE with BETWEEN_LIMITS, and the pairs of a
    start of the containers count from the start's last pair on.  A pair without enough exchanges
    makes its metric INCONCLUSIVE (TOO_FEW_SAMPLES, or NOT_MEASURED where no pair has the number),
    so the job cannot pass any more; overlapping requests beyond ``gate.max_overlap`` in an arm
    make everything INCONCLUSIVE.

    Raises `ValueError` for an unknown metric in ``scales``, a waiver of what is not gated or
    another kind of ``budget_spent``, `InvalidMeasurement` when a run lacks the counters of
    overlapping.
    """
    scales = scales or {}
    unknown = scales.keys() - {metric.name for metric in gate.metrics}
    if unknown:
        raise ValueError(f"a scale is given for {', '.join(sorted(unknown))}, which is not gated")
    if budget_spent is not None and budget_spent not in BUDGETS:
        raise ValueError(f"{budget_spent} is not a budget")
    gate.check_waivers(waivers)
    waived = {waiver.metric: waiver for waiver in waivers}
    used = [pair for pair in pairs if not pair.excluded]
    clusters = cluster_ids(used, gate.pairs_per_start, closed=budget_spent is not None)
    seen = int(clusters.max(initial=-1)) + 1
    budget = -(-gate.max_pairs // gate.pairs_per_start)
    ratios = _log_ratios(used, gate)
    judged = [
        judge_metric(
            ratios[metric.name],
            clusters,
            metric,
            gate,
            budget=seen if budget_spent is not None else max(seen, budget),
            scale=scales.get(metric.name),
            waiver=waived.get(metric.name),
        )
        for metric in gate.metrics
    ]
    metrics = tuple(one.verdict for one in judged)
    spikes = (
        judge_spikes(used, clusters, gate, waived.get(SPIKES), stored)
        if gate.spikes.enabled
        else None
    )
    overlaps = [
        fact
        for arm in ARMS
        if (fact := overlap_fact((p.arm(arm) for p in used), arm, gate.max_overlap))
    ]
    if overlaps:
        metrics = tuple(
            replace(metric, verdict=Outcome.INCONCLUSIVE, pairs_to_decide=None)
            for metric in metrics
        )
        spikes = None if spikes is None else replace(spikes, failed=False)
    unwatched = _unwatched_pairs(spikes, gate, len(used))
    outcome, reasons, further = _outcome(judged, metrics, spikes, overlaps, unwatched, len(used))
    if outcome is Outcome.INCONCLUSIVE:
        if budget_spent is not None:
            numbers = {"pairs": len(used), "pairs_to_decide": further}
            reasons.append(ReasonFact(budget_spent, numbers=numbers))
            if not used:
                reasons.append(ReasonFact(Reason.TOO_FEW_SAMPLES))
        elif not reasons:
            reasons.append(ReasonFact(Reason.BETWEEN_LIMITS, numbers={"pairs": len(used)}))
    where = attribute(used, clusters=clusters)
    return Verdict(outcome, tuple(reasons), metrics, where, len(used), further, spikes)


def _log_ratios(used: Sequence[Pair], gate: Gate) -> dict[str, LogRatios]:
    """Log ratios by metric name, stage by stage so that each histogram is read once."""
    found: dict[str, LogRatios] = {}
    for stage in dict.fromkeys(metric.stage for metric in gate.metrics):
        metrics = [metric for metric in gate.metrics if metric.stage == stage]
        ratios = stage_log_ratios(used, stage, [metric.quantile for metric in metrics])
        found.update(zip((metric.name for metric in metrics), ratios, strict=True))
    return found


def _outcome(
    judged: Sequence[Judged],
    metrics: Sequence[MetricVerdict],
    spikes: SpikeVerdict | None,
    overlaps: Sequence[ReasonFact],
    unwatched: int,
    pairs: int,
) -> tuple[Outcome, list[ReasonFact], int | None]:
    """What it comes to, why (nothing yet for an open verdict), and how many pairs further."""
    further: int | None = None
    reasons: list[ReasonFact] = []
    failed = [metric for metric in metrics if metric.verdict is Outcome.REGRESSION]
    if overlaps:
        outcome = Outcome.INCONCLUSIVE
        reasons = list(overlaps)
    elif failed or (spikes and spikes.failed):
        outcome, further = Outcome.REGRESSION, 0
        reasons = [ReasonFact(Reason.REGRESSION, metric.name) for metric in failed]
        if spikes and spikes.failed:
            reasons.append(ReasonFact(Reason.MORE_SPIKES))
    elif any(metric.verdict is not Outcome.PASS for metric in metrics):
        outcome, further = Outcome.INCONCLUSIVE, _pairs_to_decide_job(judged, unwatched)
    elif unwatched and spikes:
        outcome, further = Outcome.INCONCLUSIVE, unwatched
        numbers = {"exposure_s": spikes.candidate_exposure_s, "pairs_to_decide": unwatched}
        reasons = [ReasonFact(Reason.INSUFFICIENT_EXPOSURE, numbers=numbers)]
    else:
        outcome, further = Outcome.PASS, 0
        reasons = [ReasonFact(Reason.NO_REGRESSION, numbers={"pairs": pairs})]
    reasons += [
        ReasonFact(
            Reason.NOT_MEASURED if one.unmeasured else Reason.TOO_FEW_SAMPLES, one.verdict.name
        )
        for one in judged
        if one.verdict.shortfalls
    ]
    return outcome, reasons, further


def _unwatched_pairs(spikes: SpikeVerdict | None, gate: Gate, pairs: int) -> int:
    """Pairs until the candidate was watched for spikes as long as a PASS needs."""
    if spikes is None or spikes.candidate_exposure_s >= gate.spikes.watch_s:
        return 0
    per_pair_s = spikes.candidate_exposure_s / max(pairs, 1)
    missing_s = gate.spikes.watch_s - spikes.candidate_exposure_s
    return math.ceil(missing_s / per_pair_s) if per_pair_s else gate.max_pairs


def _pairs_to_decide_job(judged: Sequence[Judged], unwatched: int) -> int | None:
    """Pairs until the first metric fails or the last one passes and spikes were watched enough."""
    ways = [one.to_fail for one in judged]
    to_pass = [*(one.to_pass for one in judged), unwatched]
    ways.append(None if None in to_pass else max(n for n in to_pass if n is not None))
    return min((n for n in ways if n is not None), default=None)
