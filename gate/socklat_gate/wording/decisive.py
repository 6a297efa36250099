"""What a verdict turns on: its worst metric, the stage that carries it, what improved."""

from __future__ import annotations

import math

from socklat_gate.errors import Reason
from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.names import WHOLE
from socklat_gate.measured.verdict import MetricVerdict, Outcome, Verdict

__all__ = [
    "carrier",
    "change_or_lowest",
    "improved",
    "leading",
    "most_evidence",
    "others_of",
    "slice_of",
    "worst_of",
]


def worst_of(verdict: Verdict, outcome: Outcome) -> MetricVerdict | None:
    """The metric of this outcome with the largest change."""
    found = [metric for metric in verdict.metrics if metric.verdict is outcome]
    return max(found, key=change_or_lowest, default=None)


def most_evidence(verdict: Verdict) -> list[MetricVerdict]:
    """The metrics with most evidence where only all together have enough, in that order."""
    facts = [fact for fact in verdict.reasons if fact.code is Reason.REGRESSION_TOGETHER]
    names = facts[0].subject.split(", ") if facts else []
    metrics = {metric.name: metric for metric in verdict.metrics}
    return [metrics[name] for name in names if name in metrics]


def leading(verdict: Verdict) -> MetricVerdict | None:
    """The worst metric of a regression, or the one that speaks most for it."""
    return worst_of(verdict, Outcome.REGRESSION) or next(iter(most_evidence(verdict)), None)


def others_of(verdict: Verdict, worst: MetricVerdict) -> list[MetricVerdict]:
    """The others that failed, in their order; with named requests the worst of each other first."""
    failed = [
        metric
        for metric in verdict.metrics
        if metric.verdict is Outcome.REGRESSION and metric.name != worst.name
    ]
    if not any(metric.request for metric in failed):
        return failed
    ranked = sorted(failed, key=change_or_lowest, reverse=True)
    firsts = {metric.request: metric for metric in reversed(ranked)}
    firsts.pop(worst.request, None)
    leading = {metric.name for metric in firsts.values()}
    return sorted(ranked, key=lambda metric: metric.name not in leading)


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
    return next(
        (
            part
            for part in verdict.attribution
            if part.slice == title and part.request == metric.request and part.stage
        ),
        None,
    )


def slice_of(quantile: float) -> str:
    """Name of the attribution's slice that a quantile belongs to."""
    if quantile >= 0.99:
        return "slowest 1%"
    return "slowest 10%" if quantile >= 0.9 else "middle"
