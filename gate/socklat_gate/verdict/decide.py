"""The verdict over pairs measured side by side: sequential, valid after every pair.

FAIL as soon as the weighted mean of the evidence to fail of all metrics, limits, counts and spikes
reaches 1 / alpha (`verdict.together`, which also says what is named); PASS as soon as every
metric's E_P has reached 1 / alpha_pass and, at that look, no metric's E_F by raw numbers is above
1; see `verdict.evidence` for both and `verdict.spikes` for spikes.

Both are stopping rules, so each metric keeps the largest evidence that any prefix of the pairs
reached: Ville's inequality bounds the chance that evidence *ever* reaches its threshold, so the
running maximum has the same error rate.  For PASS this matters because the metrics do not reach
their thresholds at the same pair; no correction for m is needed there, since a wrong PASS needs
the one metric that is truly at its failure limit to have reached its own threshold.  When both
kinds of evidence were reached (a change inside the indifference zone, a caller that went on
measuring), it is a regression.  For a PASS by blocks of containers, evidence is that of all of them
and no maximum, and so many starts of the candidate are needed (`verdict.starts`).  Spikes hold up a
PASS only for an exposure of
``gate.spikes.watch_s``: no job is long enough to show that there are none, so their power is
reported.  Counts (`verdict.counts`), responses of another kind (`verdict.answers`) and the load
driver's own times (`verdict.clients`) hold up a PASS at the look at which they speak against it;
so does the watch beside the pairs, and until it is long enough (`verdict.watch`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from socklat_gate.errors import Reason
from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.names import CAPACITY_RPS, ERRORS, SPIKES
from socklat_gate.measured.pair import ARMS, Pair, containers_of, moments
from socklat_gate.measured.run_values import request_names
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.measured.watch import Watch
from socklat_gate.verdict.answers import answer_differences
from socklat_gate.verdict.attribution import attribute, attribute_request
from socklat_gate.verdict.capacity import MeasuredCapacity, judged_capacity
from socklat_gate.verdict.clients import slower_clients
from socklat_gate.verdict.clusters import ClusterIds, cluster_ids
from socklat_gate.verdict.correlated_stalls import JudgedPairs, judged_pairs
from socklat_gate.verdict.counts import judge_counts
from socklat_gate.verdict.evidence_of_all import Judged, Weighed, joint_evidence, settle
from socklat_gate.verdict.judge import JudgedMetric, MetricEvidence, metric_evidence
from socklat_gate.verdict.judged_watch import judge_watch, spikes_alpha
from socklat_gate.verdict.lacking import lacking_fact
from socklat_gate.verdict.limits import judge_limits, lacking_facts, undecided_limits
from socklat_gate.verdict.log_ratios import metric_log_ratios
from socklat_gate.verdict.overlap import overlap_fact
from socklat_gate.verdict.rules import RULES, Decision, Evidence, exposure_pairs
from socklat_gate.verdict.spikes import JudgedSpikes, judge_spikes
from socklat_gate.verdict.starts import blocks_to_pass
from socklat_gate.verdict.unseen import unseen_requests
from socklat_gate.verdict.zone import default_scale

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Waiver

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
    capacity: MeasuredCapacity | None = None,
    watch: Watch | None = None,
) -> Verdict:
    """Verdict over all pairs so far; meant to be called after every pair.

    ``scales`` overrides `default_scale` by metric name (log scale); it must not be derived from
    these pairs.  Pairs excluded are not used.  ``waivers`` move limits up (the scenario has checked
    their names and dates); ``stored`` campaigns of the baseline, all there are, add their exposure
    to the spikes' reference.  ``capacity`` are the rounds that came after the pairs; a gate with
    that metric does not pass without them (CAPACITY_UNDECIDED).  ``watch`` is the fleet beside the
    pairs, all of it so far and from the first pair on (`verdict.watch`); a pass waits for it
    (WATCH_OPEN).  ``budget_spent`` (BUDGET_PAIRS or
    BUDGET_MINUTES): no more pairs will come, and an open verdict carries it with the number of
    pairs that would decide.  Until then an open verdict is INCONCLUSIVE with BETWEEN_LIMITS, and
    the pairs of a start of the containers count from the start's last pair on.  A pair without
    enough exchanges makes its metric INCONCLUSIVE (TOO_FEW_REQUESTS, TOO_FEW_SAMPLES, or
    NOT_MEASURED where no pair has the number), so the job cannot pass any more; overlapping
    requests beyond ``gate.max_overlap`` in an arm make everything but counts INCONCLUSIVE, and so
    do responses that differ between the arms, unless ``gate.accept_answers`` has it, and a named
    request without exchanges in an arm (REQUEST_NOT_SEEN).  Raw numbers are judged, and
    CORRELATED_STALLS is the last reason, once stalls are shown to follow one arm's requests.

    Raises `ValueError` for an unknown metric in ``scales``, a waiver of what is not gated or
    another kind of ``budget_spent``, `InvalidMeasurement` when a run lacks the counters of
    overlapping.
    """
    requests = request_names(pair.arm(arm) for pair in pairs for arm in ARMS)
    _check_arguments(gate, scales or {}, budget_spent, waivers, requests)
    kept = judged_pairs([pair for pair in pairs if not pair.excluded])
    used = kept.pairs
    clusters = cluster_ids(used, gate.pairs_per_start, closed=budget_spent is not None)
    waived = {waiver.metric: waiver for waiver in waivers}
    overlaps = [
        fact
        for arm in ARMS
        if (fact := overlap_fact((p.arm(arm) for p in used), arm, gate.max_overlap))
    ]
    containers, measured = containers_of(used), moments(used)
    due = [pair.first_of_start for pair in used]
    limits = judge_limits([pair.candidate for pair in used], clusters, gate, containers, due)
    weighed = Weighed(
        metrics=_metric_evidence(kept, clusters, gate, scales or {}, waived),
        limits=undecided_limits(limits) if overlaps else limits,
        counts=judge_counts(used, clusters, gate, waived),
        spikes=_spikes(used, clusters, gate, waived.get(SPIKES), stored, watch),
        approximate=bool(overlaps),
        capacity=judged_capacity(capacity, gate, waived.get(CAPACITY_RPS)),
        clusters=int(clusters.max(initial=-1)) + 1,
        watch=judge_watch(watch, used, clusters, gate, waived),
    )
    judged = settle(weighed, gate, _budget(clusters, gate, budget_spent))
    if overlaps:
        judged = replace(judged, metrics=_not_judged(judged.metrics))
    baseline, candidate = ([pair.arm(arm) for pair in used] for arm in ARMS)
    evidence = Evidence(
        judged=judged.metrics,
        spikes=judged.spikes,
        overlaps=overlaps,
        exposure_pairs=exposure_pairs(judged.spikes, gate.spikes.watch_s, measured, gate.max_pairs),
        pairs=measured,
        counts=judged.counts,
        differences=answer_differences(baseline, candidate, gate),
        limits=judged.limits,
        clients=slower_clients(used, clusters, gate, waived),
        together=judged.together,
        to_fail=judged.to_fail,
        unseen=unseen_requests(baseline, candidate),
        carried=judged.capacity,
        starts_pairs=blocks_to_pass(containers, weighed.clusters) * gate.pairs_per_start,
        stops=judged.stops,
        growth=judged.growth,
        watch_open=weighed.watch.open if weighed.watch else None,
    )
    decision = _decision(evidence, used)
    return Verdict(
        outcome=decision.outcome,
        reasons=(
            *decision.reasons,
            *_open_reasons(decision, measured, budget_spent),
            *([kept.fact] if kept.fact else []),
        ),
        metrics=tuple(one.verdict for one in judged.metrics),
        attribution=(
            *attribute(used, clusters=clusters),
            *_attributed_names(used, clusters, judged),
        ),
        pairs=measured,
        containers=containers,
        pairs_to_decide=decision.pairs_to_decide,
        spikes=judged.spikes,
        counts=judged.counts,
        limits=tuple(one.verdict for one in judged.limits),
        together=joint_evidence(judged.together, gate, used, clusters),
        capacity=judged.capacity,
        stops=judged.stops,
        growth=judged.growth,
    )


def _check_arguments(
    gate: Gate,
    scales: Mapping[str, float],
    budget_spent: Reason | None,
    waivers: Sequence[Waiver],
    requests: Sequence[str],
) -> None:
    unknown = scales.keys() - {metric.name for metric in gate.compared}
    if unknown:
        raise ValueError(f"a scale is given for {', '.join(sorted(unknown))}, which is not gated")
    if budget_spent is not None and budget_spent not in BUDGETS:
        raise ValueError(f"{budget_spent} is not a budget")
    # Names of requests are the pairs': before the first one, only the scenario has checked them.
    early = [] if requests else [one for one in waivers if one.metric.startswith(f"{ERRORS}[")]
    gate.check_waivers([one for one in waivers if one not in early], requests)


def _metric_evidence(
    kept: JudgedPairs,
    clusters: ClusterIds,
    gate: Gate,
    scales: Mapping[str, float],
    waived: Mapping[str, Waiver],
) -> list[MetricEvidence]:
    ratios = metric_log_ratios(kept.pairs, gate.compared)
    return [
        metric_evidence(
            ratios[metric.name],
            clusters,
            metric,
            gate,
            scale=scales.get(metric.name),
            waiver=waived.get(metric.name),
            dropped=metric.stage in kept.dropped,
        )
        for metric in gate.compared
    ]


def _budget(clusters: ClusterIds, gate: Gate, budget_spent: Reason | None) -> int:
    """In clusters: those seen where no more will come."""
    seen = int(clusters.max(initial=-1)) + 1
    return seen if budget_spent else max(seen, -(-gate.max_pairs // gate.pairs_per_start))


def _spikes(
    used: Sequence[Pair],
    clusters: ClusterIds,
    gate: Gate,
    waiver: Waiver | None,
    stored: Sequence[Campaign],
    watch: Watch | None,
) -> JudgedSpikes | None:
    if not gate.spikes.enabled:
        return None
    return judge_spikes(used, clusters, gate, waiver, stored, spikes_alpha(gate, watch))


def _not_judged(judged: Sequence[JudgedMetric]) -> list[JudgedMetric]:
    """The same numbers with nothing decided by them."""
    return [
        replace(
            one,
            verdict=replace(one.verdict, verdict=Outcome.INCONCLUSIVE, pairs_to_decide=None),
        )
        for one in judged
    ]


def _attributed_names(
    used: Sequence[Pair], clusters: ClusterIds, judged: Judged
) -> list[Attribution]:
    """The named requests of metrics that failed or, where none is named, have most evidence."""
    failed = [one.verdict for one in judged.metrics if one.verdict.verdict is Outcome.REGRESSION]
    if judged.together.failed and not judged.together.named:
        failed = [one.verdict for one in judged.metrics if one.verdict.name in judged.together.most]
    names = dict.fromkeys(metric.request for metric in failed if metric.request)
    return [one for name in names for one in attribute_request(used, name, clusters)]


def _decision(evidence: Evidence, used: Sequence[Pair]) -> Decision:
    """Of the first rule that holds, and what each metric lacks to be judged."""
    found = next(one for rule in RULES if (one := rule.decide(evidence)))
    lacking = [lacking_fact(one, used) for one in evidence.judged if one.verdict.shortfalls]
    lacking += lacking_facts(evidence.limits, lacking)
    return replace(found, reasons=(*found.reasons, *lacking))


def _open_reasons(decision: Decision, pairs: int, budget_spent: Reason | None) -> list[ReasonFact]:
    """That the job is over without a decision, or still goes on."""
    if decision.outcome is not Outcome.INCONCLUSIVE:
        return []
    if budget_spent is None:
        still = ReasonFact(Reason.BETWEEN_LIMITS, numbers={"pairs": pairs})
        return [] if decision.reasons else [still]
    numbers = {"pairs": pairs, "pairs_to_decide": decision.pairs_to_decide}
    spent = [ReasonFact(budget_spent, numbers=numbers)]
    return spent if pairs else [*spent, ReasonFact(Reason.TOO_FEW_SAMPLES)]
