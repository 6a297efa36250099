"""Absolute limits in words."""

from __future__ import annotations

import math

from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.verdict import LimitVerdict, Verdict
from socklat_gate.wording.changes import listing, plural
from socklat_gate.wording.container_metrics import value_text
from socklat_gate.wording.fact_numbers import count_of
from socklat_gate.wording.metric_names import metric_phrase
from socklat_gate.wording.shared_facts import shortfall_text

__all__ = [
    "above_limit_text",
    "limit_interval",
    "limit_lacks",
    "limit_value",
    "not_shown_text",
    "within_text",
]


def above_limit_text(fact: ReasonFact, verdict: Verdict) -> str:
    """``response_p99 is 61.2 ms (95% interval ...), above its limit of 50.0 ms``."""
    limit = _limit(fact, verdict)
    if limit is None:
        return f"{metric_phrase(fact.subject)} is above its limit"
    return f"{_level(limit)}, above its limit of {limit_value(limit, limit.limit_ns)}"


def not_shown_text(fact: ReasonFact, verdict: Verdict) -> str:
    """A limit that is neither kept nor exceeded for certain."""
    limit = _limit(fact, verdict)
    if limit is None:
        return f"{metric_phrase(fact.subject)} is shown neither above its limit nor below it"
    return (
        f"{_level(limit)}: not shown to be below its limit of {limit_value(limit, limit.limit_ns)}"
    )


def within_text(fact: ReasonFact, verdict: Verdict) -> str:
    """Every limit is kept, and nothing else was judged."""
    runs = plural(count_of(fact.numbers, "pairs"), "run")
    kept = listing(
        [
            f"{metric_phrase(limit.name)} {limit_value(limit, limit.candidate_ns)} below "
            f"{limit_value(limit, limit.limit_ns)}"
            for limit in verdict.limits
        ]
    )
    return f"{runs} of the candidate show {kept or 'all limits kept'}; nothing was compared"


def limit_lacks(name: str, verdict: Verdict) -> list[str]:
    """What the runs lack to be held to the limit of a metric."""
    return [
        shortfall_text(lack, limit.stage, limit.quantile)
        for limit in verdict.limits
        if limit.name == name
        for lack in limit.shortfalls
    ]


def limit_value(limit: LimitVerdict, value: float) -> str:
    """A value beside the limit, in its unit."""
    return value_text(value, limit.stage)


def limit_interval(limit: LimitVerdict) -> str:
    """The 95% interval of the candidate's level."""
    if not math.isfinite(limit.ci_high_ns):
        return "unbounded"
    return f"{limit_value(limit, limit.ci_low_ns)} to {limit_value(limit, limit.ci_high_ns)}"


def _level(limit: LimitVerdict) -> str:
    return (
        f"{metric_phrase(limit.name)} is {limit_value(limit, limit.candidate_ns)} (95% interval "
        f"{limit_interval(limit)})"
    )


def _limit(fact: ReasonFact, verdict: Verdict) -> LimitVerdict | None:
    return next((limit for limit in verdict.limits if limit.name == fact.subject), None)
