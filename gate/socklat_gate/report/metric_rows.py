"""The judged metrics as rows: the verdict's own numbers, the raw ones, and waivers in force."""

from __future__ import annotations

import math
from dataclasses import dataclass

from socklat_gate.measured.verdict import MetricVerdict, Outcome, Verdict, Waived
from socklat_gate.scenario.gating import SPIKES
from socklat_gate.wording import units

__all__ = ["SYMBOLS", "MetricRow", "RawRow", "WaiverRow", "metric_row", "raw_rows", "waiver_rows"]

SYMBOLS = {
    Outcome.PASS: "✔",
    Outcome.REGRESSION: "✘",
    Outcome.INCONCLUSIVE: "?",
    Outcome.INVALID: "⊘",
    Outcome.NO_BASELINE: "∅",
}


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric, every number as text."""

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
class RawRow:
    """One gated quantile, corrected for stalls and raw."""

    name: str
    baseline: str
    raw_baseline: str
    candidate: str
    raw_candidate: str
    change: str
    raw_change: str


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver in force."""

    name: str
    ceiling: str
    expires: str
    link: str


def metric_row(metric: MetricVerdict) -> MetricRow:
    """The numbers that decide."""
    waived = " (waived)" if metric.waived else ""
    return MetricRow(
        name=metric.name,
        baseline=units.ns(metric.baseline_ns),
        candidate=units.ns(metric.candidate_ns),
        change=units.change(metric.change),
        interval=units.interval(metric.ci_low, metric.ci_high),
        limits=f"{units.change(metric.tolerance)} / "
        f"{units.change(metric.regression_threshold)}{waived}",
        fail=units.needed(metric.evidence_fail, metric.threshold_fail),
        passed=units.needed(metric.evidence_pass, metric.threshold_pass),
        mde=units.change(metric.mde),
        verdict=f"{SYMBOLS[metric.verdict]} {metric.verdict.value.replace('_', ' ')}",
    )


def raw_rows(verdict: Verdict) -> tuple[RawRow, ...]:
    """A row for every gated quantile that was corrected."""
    return tuple(
        RawRow(
            metric.name,
            units.ns(metric.baseline_ns),
            units.ns(metric.raw_baseline_ns),
            units.ns(metric.candidate_ns),
            units.ns(metric.raw_candidate_ns),
            units.change(metric.change),
            units.change(metric.raw_change),
        )
        for metric in verdict.metrics
        if math.isfinite(metric.raw_candidate_ns)
    )


def waiver_rows(verdict: Verdict) -> tuple[WaiverRow, ...]:
    """Every waiver that moved a limit, the spikes' last."""
    waived: list[tuple[str, Waived | None]] = [(m.name, m.waived) for m in verdict.metrics]
    if verdict.spikes is not None:
        waived.append((SPIKES, verdict.spikes.waived))
    return tuple(
        WaiverRow(name, units.change(one.ceiling), one.expires, one.link)
        for name, one in waived
        if one is not None
    )
