"""The highest rate as a gated metric, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from socklat_gate.errors import Reason
from socklat_gate.measured.capacity import CapacityLimits, CapacityStudy
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.names import CAPACITY_RPS
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.sentence import Name, Sentence

__all__ = [
    "carried_change",
    "carried_limits",
    "carried_reason",
    "excluded_loss",
    "less_carried",
    "same_carried",
]


def carried_reason(fact: ReasonFact, verdict: Verdict) -> str:
    """A reason whose subject is the metric, as a sentence."""
    if fact.code is Reason.NOT_MEASURED:
        return (
            f"{CAPACITY_RPS} cannot be judged by stored numbers: campaigns hold no staircases; "
            "measure both images side by side"
        )
    study, write = verdict.capacity, _WRITERS.get(fact.code)
    if study is None or write is None:
        return f"{CAPACITY_RPS}: {fact.code.value.replace('_', ' ')}"
    return f"{CAPACITY_RPS} {write(study)}"


def less_carried(verdict: Verdict) -> Sentence:
    """``the candidate carries a lower rate (capacity_rps): -50.2% ...``; empty else."""
    study = verdict.capacity
    if study is None or study.verdict.outcome is not Outcome.REGRESSION:
        return ()
    return (
        "the candidate carries a lower rate (",
        Name(CAPACITY_RPS),
        f"): {carried_change(study)}, {_rates(study)}",
    )


def same_carried(verdict: Verdict) -> Sentence:
    """What the rounds of a pass show; empty without any."""
    study = verdict.capacity
    if study is None:
        return ()
    waived = study.verdict.waived
    known = f", waived up to a loss of {units.share(waived.ceiling)}" if waived else ""
    return ("; ", Name(CAPACITY_RPS), f" {carried_change(study)}{known}")


def excluded_loss(study: CapacityStudy) -> str:
    """``8 rounds exclude a capacity that is lower by 15.0%``."""
    rounds = plural(study.verdict.rounds, "round")
    return f"{rounds} exclude a capacity that is lower by {units.share(study.limits.threshold)}"


def carried_change(study: CapacityStudy) -> str:
    """``-5.10% (interval -6.40% to -3.90%)``."""
    found = study.verdict
    return f"{units.change(found.change)} (interval {units.interval(found.ci_low, found.ci_high)})"


def carried_limits(limits: CapacityLimits) -> str:
    """When a rate counts as carried."""
    within = units.ns(limits.within_ns) if limits.within_ns else "a time that the first round finds"
    return (
        f"A rate is carried when {units.share(limits.share)} of the requests get a good response "
        f"within {within}."
    )


def _rates(study: CapacityStudy) -> str:
    found = study.verdict
    return (
        f"{units.per_second(found.candidate_rps)} beside the baseline's "
        f"{units.per_second(found.baseline_rps)}"
    )


def _less(study: CapacityStudy) -> str:
    waived = study.verdict.waived
    return (
        f"changed by {carried_change(study)}: {_rates(study)}; tolerance "
        f"{units.change(-study.limits.tolerance)}"
        + (f" (waived until {waived.expires})" if waived else "")
    )


def _undecided(study: CapacityStudy) -> str:
    found = study.verdict
    if not found.rounds:
        return "is not known: no round was measured (rounds follow the pairs in what time is left)"
    text = f"is undecided after {plural(found.rounds, 'round')}: {carried_change(study)}"
    if found.rounds_to_decide:
        text += f"; about {plural(found.rounds_to_decide, 'more round')} would decide"
    return text


def _driver(study: CapacityStudy) -> str:
    return (
        "is not known: the load driver was at its end before the service was, "
        f"{carried_change(study)}"
    )


def _differ(study: CapacityStudy) -> str:
    return (
        "does not count: at rates that both arms carry, the candidate's responses have other "
        f"statuses or sizes; {carried_change(study)}"
    )


_WRITERS: Mapping[Reason, Callable[[CapacityStudy], str]] = {
    Reason.LESS_CAPACITY: _less,
    Reason.CAPACITY_UNDECIDED: _undecided,
    Reason.LOAD_NOT_DELIVERED: _driver,
    Reason.ANSWERS_DIFFER: _differ,
}
