"""Everything a report shows, as text and plain frozen data; no markup, nothing escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gate.campaign import Run
from gate.histogram import Histogram
from gate.report import units
from gate.report.delivery import CompletenessView, LoadRow, completeness_view, load_row
from gate.report.headline import headline, next_step
from gate.report.pairs import PairTable, pair_table, used_pairs
from gate.report.sentence import Sentence
from gate.report.sketch import percentile_sketch
from gate.report.stages import StagesView, stages_view
from gate.result import Result
from gate.verdict.model import Attribution, MetricVerdict, Outcome, StageShare

__all__ = ["View", "view_of"]

BAR = 10
SYMBOLS = {
    Outcome.PASS: "✔",
    Outcome.REGRESSION: "✘",
    Outcome.INCONCLUSIVE: "?",
    Outcome.INVALID: "⊘",
    Outcome.NO_BASELINE: "∅",
}


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One gated quantile, every number as text."""

    name: str
    baseline: str
    candidate: str
    change: str
    interval: str
    limits: str
    fail: str
    passed: str
    mde: str
    verdict: str


@dataclass(frozen=True, slots=True)
class QuantileRow:
    """One stage of a run without verdict."""

    stage: str
    exchanges: str
    p50: str
    p90: str
    p99: str
    p999: str
    highest: str


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One stage's part of a slice's change."""

    stage: str
    baseline: str
    candidate: str
    delta: str
    bar: str
    share: str


@dataclass(frozen=True, slots=True)
class SliceView:
    """One slice of the distribution; ``stage`` is empty when nothing carries the change."""

    title: str
    delta: str
    stage: str
    rows: tuple[ShareRow, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A whole report; empty tuples and texts where a result has no such part."""

    symbol: str
    word: str
    headline: Sentence
    next_step: Sentence
    reasons: tuple[tuple[str, str], ...]
    subject: tuple[tuple[str, str], ...]
    metrics: tuple[MetricRow, ...]
    quantiles: tuple[QuantileRow, ...]
    attribution: tuple[SliceView, ...]
    sketch: str
    stages: StagesView
    load: tuple[LoadRow, ...]
    completeness: CompletenessView | None
    drift: str
    environment: tuple[tuple[str, str], ...]
    pairs: PairTable
    hooks: tuple[tuple[str, str], ...]
    fingerprint: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]


def view_of(result: Result) -> View:
    """Prepare a result of any kind and outcome for display."""
    verdict = result.verdict
    arms = _arms(result)
    return View(
        symbol=SYMBOLS[verdict.outcome] if verdict else "•",
        word=verdict.outcome.value.replace("_", " ").upper() if verdict else "MEASURED",
        headline=headline(result),
        next_step=next_step(result),
        reasons=tuple((code.value, text) for code, text in verdict.reasons) if verdict else (),
        subject=_subject(result),
        metrics=tuple(_metric_row(metric) for metric in verdict.metrics) if verdict else (),
        quantiles=_quantile_rows(result),
        attribution=tuple(_slice_view(part) for part in verdict.attribution) if verdict else (),
        sketch=percentile_sketch([(arm, _merged(runs, "service")) for arm, runs in arms]),
        stages=stages_view(arms, _run_numbers(result)),
        load=tuple(load_row(arm, runs) for arm, runs in arms if runs),
        completeness=completeness_view(result.completeness) if result.completeness else None,
        drift=result.drift,
        environment=tuple(result.environment.items()),
        pairs=pair_table(result.pairs, verdict.metrics if verdict else ()),
        hooks=tuple(result.hooks.items()),
        fingerprint=tuple(result.fingerprint.must_match.items()),
        facts=tuple(result.fingerprint.facts.items()),
    )


def _arms(result: Result) -> list[tuple[str, Sequence[Run]]]:
    """Label and runs of each arm: both arms of the pairs in use, or the one campaign."""
    if result.pairs:
        pairs = used_pairs(result.pairs)
        return [
            ("baseline", [pair.baseline for pair in pairs]),
            ("candidate", [pair.candidate for pair in pairs]),
        ]
    if result.campaign is None:
        return []
    return [("service" if result.kind == "run" else "candidate", result.campaign.runs)]


def _run_numbers(result: Result) -> list[int]:
    """Of the runs of each of `_arms`: the pair's own number, else the run's in its campaign."""
    if result.pairs:
        return [pair.index for pair in used_pairs(result.pairs)]
    return list(range(len(result.campaign.runs))) if result.campaign else []


def _merged(runs: Iterable[Run], stage: str) -> Histogram:
    return Histogram.merged(run.histograms[stage] for run in runs if stage in run.histograms)


def _subject(result: Result) -> tuple[tuple[str, str], ...]:
    rows = [
        ("scenario", result.scenario_name),
        ("baseline", result.baseline_image),
        ("candidate" if result.kind != "run" else "image", result.candidate_image),
        ("commit", result.commit),
        ("measured", result.created),
        ("took", units.duration_s(result.duration_s)),
        ("pairs", _pair_count(result)),
        ("seed", str(result.seed) if result.kind != "compare" else ""),
    ]
    return tuple((name, text) for name, text in rows if text)


def _pair_count(result: Result) -> str:
    aside = sum(1 for pair in result.pairs if pair.set_aside)
    used = len(result.pairs) - aside
    return f"{used} used, {aside} set aside" if result.pairs else ""


def _metric_row(metric: MetricVerdict) -> MetricRow:
    return MetricRow(
        name=metric.name,
        baseline=units.ns(metric.baseline_ns),
        candidate=units.ns(metric.candidate_ns),
        change=units.change(metric.change),
        interval=units.interval(metric.ci_low, metric.ci_high),
        limits=f"{units.change(metric.tolerance)} / {units.change(metric.failure)}",
        fail=units.needed(metric.evidence_fail, metric.needed_fail),
        passed=units.needed(metric.evidence_pass, metric.needed_pass),
        mde=units.change(metric.mde),
        verdict=f"{SYMBOLS[metric.verdict]} {metric.verdict.value.replace('_', ' ')}",
    )


def _quantile_rows(result: Result) -> tuple[QuantileRow, ...]:
    """Stages of a run without verdict; a verdict has its metrics instead."""
    if result.verdict is not None or result.campaign is None:
        return ()
    runs = result.campaign.runs
    stages = dict.fromkeys(stage for run in runs for stage in run.histograms)
    rows = []
    for stage in stages:
        merged = _merged(runs, stage)
        p50, p90, p99, p999 = map(units.ns, merged.quantiles_ns([0.5, 0.9, 0.99, 0.999]))
        highest = units.ns(merged.max_ns()) if merged.total else units.ns(math.nan)
        count = units.count(merged.total)
        rows.append(QuantileRow(stage, count, p50, p90, p99, p999, highest))
    return tuple(rows)


def _slice_view(part: Attribution) -> SliceView:
    return SliceView(
        title=part.slice,
        delta=_delta(part.delta_ns),
        stage=part.stage or "",
        rows=tuple(_share_row(stage_share) for stage_share in part.shares),
    )


def _share_row(part: StageShare) -> ShareRow:
    filled = round(BAR * min(1.0, max(0.0, part.share))) if math.isfinite(part.share) else 0
    return ShareRow(
        stage=part.stage,
        baseline=units.ns(part.baseline_ns),
        candidate=units.ns(part.candidate_ns),
        delta=_delta(part.candidate_ns - part.baseline_ns),
        bar="█" * filled + "░" * (BAR - filled),
        share=units.share(part.share),
    )


def _delta(delta_ns: float) -> str:
    return f"{'+' if delta_ns > 0 else ''}{units.ns(delta_ns)}"
