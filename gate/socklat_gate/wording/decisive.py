"""What a verdict turns on: its worst metric, the stage that carries it, what cannot be judged."""

from __future__ import annotations

import math

from socklat_gate.errors import Reason
from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.verdict import MetricVerdict, Outcome, Verdict
from socklat_gate.wording.fact_numbers import number_of

__all__ = [
    "CANNOT_JUDGE",
    "blocked",
    "carrier",
    "change_or_lowest",
    "counting",
    "improved",
    "settled",
    "slice_of",
    "worst_of",
]

CANNOT_JUDGE = {
    Reason.NOT_MEASURED,
    Reason.TOO_FEW_SAMPLES,
    Reason.TOO_FEW_REQUESTS,
    Reason.OVERLAPPING_REQUESTS,
}
"""Reasons for which more pairs do not help, so that they are the headline of an open verdict."""


BEYOND_DOUBT = 1000.0
"""Evidence that no further pairs of a job's budget would take back."""

WHOLE = ("response", "service")
"""Stages whose quantiles the slices of the attribution explain."""


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


def blocked(verdict: Verdict) -> bool:
    """Whether something cannot be judged at all, so that more pairs would not help."""
    return any(fact.code in CANNOT_JUDGE for fact in verdict.reasons)


def settled(verdict: Verdict) -> bool:
    """Whether an open verdict stays open: all would pass, but for responses that differ.

    Or for clients that are slower beyond doubt.
    """
    return (
        verdict.outcome is Outcome.INCONCLUSIVE
        and any(map(_stays, verdict.reasons))
        and all(metric.verdict is Outcome.PASS for metric in verdict.metrics)
        and all(limit.verdict is Outcome.PASS for limit in verdict.limits)
        and not counting(verdict)
    )


def _stays(fact: ReasonFact) -> bool:
    if fact.code is Reason.CLIENTS_SLOWER:
        return number_of(fact.numbers, "evidence") >= BEYOND_DOUBT
    return fact.code is Reason.ANSWERS_DIFFER


def counting(verdict: Verdict) -> bool:
    """Whether counts speak for a regression that further pairs may show.

    A candidate that fails its requests has too few responses for quantiles.
    """
    return any(count.undecided for count in verdict.counts)


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
