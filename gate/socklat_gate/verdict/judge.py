"""One metric over the pairs so far: its estimate, its evidence and its outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.measured.verdict import EvidenceTrace, MetricVerdict, Outcome
from socklat_gate.verdict.clusters import ClusterIds
from socklat_gate.verdict.estimate import hodges_lehmann, pairs_to_decide
from socklat_gate.verdict.evidence import (
    Floats,
    as_e_value,
    running_fail_evidence_of_both,
    running_pass_evidence,
    strictest_fail_evidence,
)
from socklat_gate.verdict.log_ratios import LogRatios
from socklat_gate.verdict.log_scale import relative
from socklat_gate.verdict.metric_samples import MetricSamples, metric_samples
from socklat_gate.verdict.power import mde
from socklat_gate.verdict.sample import Sample
from socklat_gate.verdict.zone import Zone, waiver_in_force, zone_of

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Metric, Waiver

__all__ = ["JudgedMetric", "MetricEvidence", "judge_metric", "metric_evidence"]


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """What the pairs say of one metric, by cluster: log ratios, and both kinds of evidence.

    ``samples`` have the complete clusters, and so have the logarithms ``running_fail`` and
    ``running_pass``.  ``dropped``: raw numbers are judged in place of corrected ones.
    """

    metric: Metric
    zone: Zone
    ratios: LogRatios
    clusters: ClusterIds
    waiver: Waiver | None
    samples: MetricSamples
    running_fail: Floats
    running_pass: Floats
    dropped: bool = False

    @property
    def sample(self) -> Sample:
        """What is judged."""
        return self.samples.judged

    @property
    def in_blocks(self) -> bool:
        """Whether several containers of each arm ran at the same time."""
        return self.sample.contrasts is not None

    @property
    def raw(self) -> Sample:
        """The same without a correction."""
        return self.samples.raw


@dataclass(frozen=True, slots=True)
class JudgedMetric:
    """A metric's verdict, and further pairs to each kind of evidence.

    ``unmeasured``: no arm of any pair has the number at all.  ``raw_evidence`` is the evidence to
    fail by raw numbers alone as it is after all pairs, not the largest so far: with pairs weighted
    by their precision or evenly, whichever is more.
    """

    verdict: MetricVerdict
    unmeasured: bool
    to_fail: int | None
    to_pass: int | None
    raw_evidence: float = 1.0


def metric_evidence(
    ratios: LogRatios,
    clusters: ClusterIds,
    metric: Metric,
    gate: Gate,
    *,
    scale: float | None = None,
    waiver: Waiver | None = None,
    dropped: bool = False,
) -> MetricEvidence:
    """Evidence of one metric by its log ratios over the pairs used.

    ``clusters`` are those of `verdict.clusters.cluster_ids` for the same pairs.  Evidence to fail
    rests on corrected and raw numbers alike; where the correction was ``dropped``, on the raw half
    of it, so that earlier looks at both cost nothing.
    """
    zone = zone_of(metric, gate, scale, waiver)
    samples = metric_samples(ratios, clusters)
    running_fail = running_fail_evidence_of_both(samples.judged, samples.raw, zone.d0, zone.scale)
    if dropped:
        running_fail = running_fail - math.log(2.0)
    running_pass = running_pass_evidence(samples.judged, zone.d1, zone.scale)
    return MetricEvidence(
        metric, zone, ratios, clusters, waiver, samples, running_fail, running_pass, dropped
    )


def judge_metric(
    evidence: MetricEvidence,
    gate: Gate,
    *,
    budget: int,
    failed: bool,
    interval: tuple[float, float],
) -> JudgedMetric:
    """The verdict on one metric; ``budget`` in clusters.

    Both kinds of evidence are the largest that any prefix of the clusters reached, but for evidence
    to pass of blocks, which is that of all of them (`verdict.starts`).  ``failed``:
    whether it is named beside all that is judged (`verdict.together`); ``interval`` is as of
    `verdict.metric_intervals`.
    """
    metric, zone, waiver, ratios = (
        evidence.metric,
        evidence.zone,
        evidence.waiver,
        evidence.ratios,
    )
    sample, raw = evidence.sample, evidence.raw
    log_fail, log_pass = _largest(evidence.running_fail), _to_pass(evidence)
    d0 = math.log1p(metric.tolerance)  # a waiver accepts nothing that got better
    mirrored = sample.mirrored()
    log_improved = _largest(running_fail_evidence_of_both(mirrored, raw.mirrored(), d0, zone.scale))
    to_fail = to_pass = None
    outcome = Outcome.INCONCLUSIVE
    if not ratios.shortfalls:
        to_fail = _pairs(pairs_to_decide(sample, zone.d0, zone.scale, zone.threshold_fail), gate)
        to_pass = _pairs(pairs_to_decide(mirrored, -zone.d1, zone.scale, zone.threshold_pass), gate)
        if failed:
            outcome, to_fail = Outcome.REGRESSION, 0
        elif log_pass >= math.log(zone.threshold_pass):
            outcome = Outcome.PASS
    shown_raw = ratios.usable & ratios.corrected
    ci_low, ci_high = interval
    estimate, of_raw = hodges_lehmann(sample.d), hodges_lehmann(raw.d)
    # The interval is of all looks together, so the estimate of all pairs could lie outside it.
    # Where the raw numbers, which it also rests on, tell of another change, both are shown.
    if not (ratios.corrected and abs(of_raw - estimate) > zone.scale):
        estimate = float(np.clip(estimate, ci_low, ci_high))
    verdict = MetricVerdict(
        name=metric.name,
        stage=metric.stage,
        quantile=metric.quantile,
        tolerance=metric.tolerance if waiver is None else waiver.ceiling,
        regression_threshold=metric.regression_threshold if waiver is None else relative(zone.d1),
        baseline_ns=_median(ratios.baseline_ns[ratios.usable]),
        candidate_ns=_median(ratios.candidate_ns[ratios.usable]),
        change=relative(estimate),
        ci_low=relative(ci_low),
        ci_high=relative(ci_high),
        evidence_fail=as_e_value(log_fail),
        evidence_pass=as_e_value(log_pass),
        threshold_fail=zone.threshold_fail,
        threshold_pass=zone.threshold_pass,
        mde=relative(mde(sample, zone, budget)),
        pairs_to_decide=min((n for n in (to_fail, to_pass) if n is not None), default=None),
        verdict=outcome,
        waived=waiver_in_force(waiver),
        raw_baseline_ns=_median(ratios.raw_baseline_ns[shown_raw]),
        raw_candidate_ns=_median(ratios.raw_candidate_ns[shown_raw]),
        raw_change=relative(of_raw) if ratios.corrected else math.nan,
        trace=_trace(evidence),
        shortfalls=ratios.shortfalls,
        evidence_improved=as_e_value(log_improved),
        improved=(
            not ratios.shortfalls
            and log_improved >= math.log(zone.threshold_pass)
            and ci_high <= -d0
        ),
        request=metric.request or "",
    )
    raw_evidence = as_e_value(strictest_fail_evidence(raw, zone.d0, zone.scale))
    return JudgedMetric(verdict, ratios.unmeasured, to_fail, to_pass, raw_evidence)


def _trace(evidence: MetricEvidence) -> EvidenceTrace:
    ratios, clusters = evidence.ratios, evidence.clusters
    last = dict(zip(clusters.tolist(), ratios.pairs, strict=True))
    judged = np.flatnonzero(evidence.samples.complete)
    return EvidenceTrace(
        pairs=tuple(last[cluster] for cluster in judged.tolist()),
        change=tuple(map(relative, evidence.sample.d.tolist())),
        fail=tuple(map(as_e_value, evidence.running_fail.tolist())),
        passing=tuple(map(as_e_value, evidence.running_pass.tolist())),
    )


def _pairs(clusters: int | None, gate: Gate) -> int | None:
    return None if clusters is None else clusters * gate.pairs_per_start


def _to_pass(evidence: MetricEvidence) -> float:
    running = evidence.running_pass
    return float(running[-1]) if evidence.in_blocks and running.size else _largest(running)


def _largest(log_evidence: Floats) -> float:
    """Largest evidence over the prefixes, the empty one (evidence 1) included."""
    return float(max(0.0, log_evidence.max(initial=0.0)))


def _median(values_ns: Floats) -> float:
    return float(np.median(values_ns)) if values_ns.size else math.nan
