"""The judged metrics as rows: change, interval, limits, evidence, and waivers in force."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.measured.names import SPIKES
from socklat_gate.measured.verdict import MetricVerdict, Verdict, Waived
from socklat_gate.wording import units
from socklat_gate.wording.outcomes import metric_outcome_text

__all__ = [
    "Evidence",
    "EvidenceRow",
    "MetricRow",
    "Metrics",
    "WaiverRow",
    "evidence_section",
    "metrics_section",
]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric, every number as text; ``outcome`` is its outcome's plain name."""

    name: str
    baseline: str
    candidate: str
    change: str
    interval: str
    limits: str
    mde: str
    verdict: str
    outcome: str


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver in force."""

    name: str
    ceiling: str
    expires: str
    link: str


@dataclass(frozen=True, slots=True)
class Metrics:
    """A row for every metric; ``cpu`` names those that are CPU time per request."""

    rows: tuple[MetricRow, ...]
    cpu: tuple[str, ...]
    waivers: tuple[WaiverRow, ...]


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """E-values of one metric, each beside its threshold."""

    name: str
    fail: str
    passed: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A row for every metric."""

    rows: tuple[EvidenceRow, ...]


def metrics_section(verdict: Verdict) -> Metrics | None:
    """None when no metric was judged and no waiver is in force."""
    rows, waivers = tuple(map(_row, verdict.metrics)), _waiver_rows(verdict)
    cpu = tuple(metric.name for metric in verdict.metrics if metric.quantile is None)
    return Metrics(rows, cpu, waivers) if rows or waivers else None


def evidence_section(verdict: Verdict) -> Evidence | None:
    """None when no metric was judged."""
    if not verdict.metrics:
        return None
    rows = (
        EvidenceRow(
            name=metric.name,
            fail=units.beside_threshold(metric.evidence_fail, metric.threshold_fail),
            passed=units.beside_threshold(metric.evidence_pass, metric.threshold_pass),
            verdict=metric_outcome_text(metric),
        )
        for metric in verdict.metrics
    )
    return Evidence(tuple(rows))


def _row(metric: MetricVerdict) -> MetricRow:
    waived = " (waived)" if metric.waived else ""
    return MetricRow(
        name=metric.name,
        baseline=units.ns(metric.baseline_ns),
        candidate=units.ns(metric.candidate_ns),
        change=units.change(metric.change),
        interval=units.interval(metric.ci_low, metric.ci_high),
        limits=f"{units.change(metric.tolerance)} / "
        f"{units.change(metric.regression_threshold)}{waived}",
        mde=units.change(metric.mde),
        verdict=metric_outcome_text(metric),
        outcome=metric.verdict.value,
    )


def _waiver_rows(verdict: Verdict) -> tuple[WaiverRow, ...]:
    """Every waiver that moved a limit, those of spikes and counts last."""
    waived: list[tuple[str, Waived | None]] = [(m.name, m.waived) for m in verdict.metrics]
    if verdict.spikes is not None:
        waived.append((SPIKES, verdict.spikes.waived))
    waived += ((count.name, count.waived) for count in verdict.counts)
    return tuple(
        WaiverRow(name, units.change(one.ceiling), one.expires, one.link)
        for name, one in waived
        if one is not None
    )
