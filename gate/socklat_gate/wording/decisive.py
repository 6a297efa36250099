"""What a verdict turns on: its worst metric, the stage that carries it, what improved."""

from __future__ import annotations

import math

from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.names import WHOLE
from socklat_gate.measured.verdict import MetricVerdict, Outcome, Verdict

__all__ = [
    "carrier",
    "change_or_lowest",
    "improved",
    "slice_of",
    "worst_of",
]


def worst_of(verdict: Verdict, outcome: Outcome) -> MetricVerdict | None:
    """The metric of this outcome with the largest change."""
    found = [metric for metric in verdict.metrics if metric.verdict is outcome]
    return max(found, key=change_or_lowest, default=None)


def improved(verdict: Verdict) -> list[MetricVerdict]:
    """Metrics that are shown to have improved, the largest change first."""
    found = [metric for metric in verdict.metrics if metric.improved]
    return sorted(found, key=change_or_lowest)


def change_or_lowest(metric: MetricVerdict) -> float:
    """For comparing: a change that is not known counts as the least."""
    return -math.inf if math.isnan(metric.change) else metric.change


def carrier(verdict: Verdict, metric: MetricVerdict) -> Attribution | None:
    """The slice of a quantile of the whole exchange, if a stage carries its change."""
    if metric.stage not in WHOLE or metric.quantile is None:
        return None
    title = slice_of(metric.quantile)
    return next((a for a in verdict.attribution if a.slice == title and a.stage), None)


def slice_of(quantile: float) -> str:
    """Name of the attribution's slice that a quantile belongs to."""
    if quantile >= 0.99:
        return "slowest 1%"
    return "slowest 10%" if quantile >= 0.9 else "middle"
