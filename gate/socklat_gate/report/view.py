"""Everything a report shows, as text and plain frozen data; no markup, nothing escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.result import Result
from socklat_gate.measured.run import Run
from socklat_gate.report.arm_runs import arms_of, run_numbers
from socklat_gate.report.delivery import CompletenessView, LoadRow, completeness_view, load_row
from socklat_gate.report.machine import machine_rows
from socklat_gate.report.metric_rows import (
    SYMBOLS,
    MetricRow,
    RawRow,
    WaiverRow,
    metric_row,
    raw_rows,
    waiver_rows,
)
from socklat_gate.report.pair_table import PairTable, interleaving, pair_table
from socklat_gate.report.rare_spikes import RareSpikes, rare_spikes
from socklat_gate.report.raw_numbers import correction_of, correction_text
from socklat_gate.report.sketch import percentile_sketch
from socklat_gate.report.slices import SliceView, depend_sentence, slice_views
from socklat_gate.report.stage_rows import StagesView, stages_view
from socklat_gate.wording import units
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.notes import drift_text, note_text
from socklat_gate.wording.reasons import coded_reasons
from socklat_gate.wording.sentence import Sentence

__all__ = ["View", "view_of"]


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
class View:
    """A whole report; empty tuples and texts where a result has no such part."""

    symbol: str
    word: str
    headline: Sentence
    next_step: Sentence
    reasons: tuple[tuple[str, str], ...]
    subject: tuple[tuple[str, str], ...]
    metrics: tuple[MetricRow, ...]
    cpu_metrics: tuple[str, ...]
    waivers: tuple[WaiverRow, ...]
    correction: str
    raw: tuple[RawRow, ...]
    rare_spikes: RareSpikes | None
    quantiles: tuple[QuantileRow, ...]
    attribution: tuple[SliceView, ...]
    depend: Sentence
    sketch: str
    stages: StagesView
    load: tuple[LoadRow, ...]
    completeness: CompletenessView | None
    drift: str
    calibration: str
    environment: tuple[tuple[str, str], ...]
    pairs: PairTable
    hooks: tuple[tuple[str, str], ...]
    fingerprint: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]


def view_of(result: Result) -> View:
    """Prepare a result of any kind and outcome for display."""
    verdict = result.verdict
    arms = arms_of(result)
    correction = correction_of(result)
    return View(
        symbol=SYMBOLS[verdict.outcome] if verdict else "•",
        word=verdict.outcome.value.replace("_", " ").upper() if verdict else "MEASURED",
        headline=headline(result),
        next_step=next_step(result),
        reasons=tuple(coded_reasons(verdict)),
        subject=_subject(result),
        metrics=tuple(metric_row(metric) for metric in verdict.metrics) if verdict else (),
        cpu_metrics=tuple(m.name for m in verdict.metrics if m.quantile is None) if verdict else (),
        waivers=waiver_rows(verdict) if verdict else (),
        correction=correction_text(correction) if correction else "",
        raw=raw_rows(verdict) if verdict else (),
        rare_spikes=rare_spikes(result),
        quantiles=_quantile_rows(result),
        attribution=slice_views(verdict.attribution) if verdict else (),
        depend=depend_sentence(verdict.attribution) if verdict else (),
        sketch=percentile_sketch([(arm, _merged(runs, "service")) for arm, runs in arms]),
        stages=stages_view(arms, run_numbers(result)),
        load=tuple(load_row(arm, runs) for arm, runs in arms if runs),
        completeness=completeness_view(result.completeness) if result.completeness else None,
        drift=drift_text(result.drift),
        calibration=note_text(result.calibration),
        environment=machine_rows(result.environment),
        pairs=pair_table(result.pairs, verdict.metrics if verdict else ()),
        hooks=tuple(result.hooks.items()),
        fingerprint=tuple(result.fingerprint.must_match.items()),
        facts=tuple(result.fingerprint.facts.items()),
    )


def _merged(runs: Iterable[Run], stage: str) -> Histogram:
    return Histogram.merged(run.histograms[stage] for run in runs if stage in run.histograms)


def _subject(result: Result) -> tuple[tuple[str, str], ...]:
    rows = [
        ("scenario", result.scenario_name),
        ("baseline", result.baseline_image),
        ("baseline commit", _compared_with(result)),
        ("candidate" if result.kind != "run" else "image", result.candidate_image),
        ("commit", result.commit),
        ("branch", result.branch),
        ("measured", result.created),
        ("took", units.duration_s(result.duration_s)),
        ("pairs", _pair_count(result)),
        ("arms", interleaving(result.pairs)),
        ("seed", str(result.seed) if result.kind != "compare" else ""),
    ]
    return tuple((name, text) for name, text in rows if text)


def _compared_with(result: Result) -> str:
    """Which commit, and why that one."""
    known = [text for text in (result.baseline_commit, note_text(result.baseline_choice)) if text]
    return ", ".join(known)


def _pair_count(result: Result) -> str:
    aside = sum(1 for pair in result.pairs if pair.excluded)
    used = len(result.pairs) - aside
    return f"{used} used, {aside} excluded" if result.pairs else ""


def _quantile_rows(result: Result) -> tuple[QuantileRow, ...]:
    """Stages of a run without verdict; a verdict has its metrics instead."""
    if result.verdict is not None or result.campaign is None:
        return ()
    runs = result.campaign.runs
    stages = dict.fromkeys(stage for run in runs for stage in run.histograms)
    rows = [_quantile_row(stage, merged := _merged(runs, stage), merged.total) for stage in stages]
    known = [run.corrected for run in runs if run.corrected and "service" in run.corrected.used]
    if known:
        merged = Histogram.merged(one.histograms["service"] for one in known)
        used = sum(one.used["service"].total for one in known)
        rows.insert(1, _quantile_row("service, corrected for stalls", merged, used))
    return tuple(rows)


def _quantile_row(stage: str, merged: Histogram, exchanges: int) -> QuantileRow:
    p50, p90, p99, p999 = map(units.ns, merged.quantiles_ns([0.5, 0.9, 0.99, 0.999]))
    highest = units.ns(merged.max_ns()) if merged.total else units.ns(math.nan)
    return QuantileRow(stage, units.count(exchanges), p50, p90, p99, p999, highest)
