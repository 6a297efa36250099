"""Whether measuring on could change an open verdict: the job ends by it, and reports say so."""

from __future__ import annotations

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.verdict import Outcome, Verdict

__all__ = [
    "CANNOT_JUDGE",
    "NAMING_PAIRS",
    "blocked",
    "counting",
    "rounds_may_decide",
    "settled",
    "unnamed",
    "waits_for_rounds",
    "waits_for_watch",
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

NAMING_PAIRS = 3
"""A job that failed by all evidence together goes on for so many pairs, to say what got slower."""


def unnamed(verdict: Verdict) -> bool:
    """Whether it failed and nothing is named yet: the failure stands, more pairs may name it."""
    return any(fact.code is Reason.REGRESSION_TOGETHER for fact in verdict.reasons)


def waits_for_rounds(verdict: Verdict) -> bool:
    """Whether nothing but the capacity keeps a pass away."""
    return any(fact.code is Reason.CAPACITY_UNDECIDED for fact in verdict.reasons)


def waits_for_watch(verdict: Verdict) -> bool:
    """Whether nothing but a longer watch keeps a pass away."""
    return any(fact.code is Reason.WATCH_OPEN for fact in verdict.reasons)


def rounds_may_decide(verdict: Verdict) -> bool:
    """Whether rounds of staircases could end an open verdict: pass it, or fail it.

    They can fail what the pairs left open.
    """
    spent = any(fact.code is Reason.BUDGET_PAIRS for fact in verdict.reasons)
    open_ = verdict.outcome is Outcome.INCONCLUSIVE and not blocked(verdict)
    return open_ and (spent or waits_for_rounds(verdict))


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
    if fact.code is not Reason.CLIENTS_SLOWER:
        return fact.code is Reason.ANSWERS_DIFFER
    evidence = fact.numbers.get("evidence")
    return isinstance(evidence, int | float) and evidence >= BEYOND_DOUBT


def counting(verdict: Verdict) -> bool:
    """Whether counts speak for a regression that further pairs may show.

    A candidate that fails its requests has too few responses for quantiles.
    """
    return any(count.undecided for count in verdict.counts)
