"""The reasons of a verdict as sentences.

A fact may come from a stored document that somebody else wrote, so none of its numbers is taken for
granted: what is missing reads "unknown" or 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import TEXT, Lack, ReasonFact, Shortfall
from socklat_gate.measured.verdict import MetricVerdict, Verdict
from socklat_gate.wording.changes import listing, percent, percent_range, plural
from socklat_gate.wording.decisive import CANNOT_JUDGE

__all__ = ["coded_reasons", "reason_text", "shortfall_text"]

BUDGETS = {Reason.BUDGET_PAIRS: "pairs", Reason.BUDGET_MINUTES: "minutes"}


def coded_reasons(verdict: Verdict | None) -> list[tuple[str, str]]:
    """Each reason's code and its sentence; none without a verdict."""
    if verdict is None:
        return []
    return [(fact.code.value, reason_text(fact, verdict)) for fact in verdict.reasons]


def reason_text(fact: ReasonFact, verdict: Verdict) -> str:
    """One reason of ``verdict`` as a sentence; numbers that the verdict has are taken from it."""
    kept = fact.numbers.get(TEXT)
    if isinstance(kept, str):
        return kept
    write = _WRITERS.get(fact.code)
    return write(fact, verdict) if write else fact.code.value.replace("_", " ")


def shortfall_text(shortfall: Shortfall, stage: str, quantile: float | None) -> str:
    """What one run of a metric lacks: ``pair 3, candidate: 12 of 400 exchanges lie beyond ...``."""
    where = _where(shortfall)
    if shortfall.lack is Lack.RUNS:
        return f"{where} has no runs"
    if shortfall.lack is Lack.CPU_TIME:
        return f"{where}: the container's CPU time was not measured"
    if shortfall.lack is Lack.STAGE or quantile is None:
        return f"{where}: stage {stage} was not measured"
    return (
        f"{where}: {shortfall.exceeding or 0:.3g} of {shortfall.exchanges or 0} exchanges lie "
        f"beyond {stage} p{100 * quantile:g}, {shortfall.needed or 0} are needed"
    )


def _where(shortfall: Shortfall) -> str:
    if shortfall.pair is not None:
        return f"pair {shortfall.pair}, {shortfall.arm or 'one arm'}"
    who = "new" if shortfall.campaign is None else f"stored campaign {shortfall.campaign}"
    return who if shortfall.run is None else f"{who}, run {shortfall.run}"


def _regression(fact: ReasonFact, verdict: Verdict) -> str:
    metric = _metric(fact, verdict)
    if metric is None:
        return f"{fact.subject} changed by more than is accepted"
    if "campaigns" in fact.numbers:
        return _beside_prediction(metric)
    return (
        f"{metric.name} changed by {percent(metric.change)} (95% interval "
        f"{percent_range(metric.ci_low, metric.ci_high)}); up to "
        f"{percent(metric.tolerance)} is accepted"
        + (f" (waived until {metric.waived.expires})" if metric.waived else "")
    )


def _beside_prediction(metric: MetricVerdict) -> str:
    return (
        f"{metric.name} differs by {percent(metric.change)} from the stored campaigns' prediction "
        f"(95% interval {percent_range(metric.ci_low, metric.ci_high)}); up to "
        f"{percent(metric.tolerance)} is accepted, {percent(metric.regression_threshold)} must be "
        "found"
    )


def _between_limits(fact: ReasonFact, verdict: Verdict) -> str:
    metric = _metric(fact, verdict)
    if metric is not None:
        return _beside_prediction(metric)
    return f"{plural(_count(fact, 'pairs'), 'pair')} so far neither pass nor fail"


def _more_spikes(_fact: ReasonFact, verdict: Verdict) -> str:
    spikes = verdict.spikes
    if spikes is None:
        return "the candidate has more spikes"
    events = spikes.baseline_events + spikes.stored_events
    exposure_s = spikes.baseline_exposure_s + spikes.stored_exposure_s
    return (
        f"{plural(spikes.candidate_events, 'spike')} of {spikes.threshold_ns / 1e6:.3g} ms or more "
        f"in {spikes.candidate_exposure_s:.0f} s of the candidate, {events} in {exposure_s:.0f} s "
        f"of the reference"
    )


def _exposure(fact: ReasonFact, _verdict: Verdict) -> str:
    return (
        f"the candidate was watched for spikes for {_number(fact, 'exposure_s'):.0f} s, less than "
        f"gate.spikes.watch_s; about {plural(_count(fact, 'pairs_to_decide'), 'more pair')} "
        "would do"
    )


def _passed(fact: ReasonFact, verdict: Verdict) -> str:
    limits = ", ".join(
        f"{metric.name} {percent(metric.regression_threshold)}" for metric in verdict.metrics
    )
    return f"{plural(_count(fact, 'pairs'), 'pair')} exclude changes as large as {limits}"


def _budget(fact: ReasonFact, verdict: Verdict) -> str:
    pairs = _count(fact, "pairs")
    text = f"the budget of {BUDGETS[fact.code]} is spent after {plural(pairs, 'usable pair')}"
    if fact.numbers.get("pairs_to_decide") is not None:
        return f"{text}; about {plural(_count(fact, 'pairs_to_decide'), 'more pair')} would decide"
    if not pairs or any(other.code in CANNOT_JUDGE for other in verdict.reasons):
        return text
    return f"{text}; more pairs like these are not expected to decide"


def _cannot_be_judged(fact: ReasonFact, verdict: Verdict) -> str:
    if not fact.subject:
        return "no pair could be used"
    metric = _metric(fact, verdict)
    lacks = (
        [shortfall_text(one, metric.stage, metric.quantile) for one in metric.shortfalls]
        if metric
        else []
    )
    why = listing(lacks) or fact.code.value.replace("_", " ")
    return f"{fact.subject} cannot be judged: {why}"


def _overlaps(fact: ReasonFact, _verdict: Verdict) -> str:
    share, allowed = _number(fact, "share"), _number(fact, "allowed")
    return (
        f"{min(share, 1.0):.1%} of the {fact.subject}'s exchanges overlapped on their connections "
        f"(pipelining or multiplexing; {allowed:.1%} allowed), so their service time is "
        "approximate: load the service with one request at a time per connection, or raise "
        "gate.max_overlap"
    )


def _too_few_campaigns(fact: ReasonFact, _verdict: Verdict) -> str:
    there, needed = _count(fact, "campaigns"), _count(fact, "needed")
    return (
        f"{plural(there, 'stored campaign')} cannot tell a change from the difference "
        f"between two days: {needed - there} more of the baseline are needed ({needed} in all)"
    )


def _within_prediction(fact: ReasonFact, _verdict: Verdict) -> str:
    campaigns = _count(fact, "campaigns")
    return f"the candidate lies where {campaigns} stored campaigns predict it"


def _metric(fact: ReasonFact, verdict: Verdict) -> MetricVerdict | None:
    return next((metric for metric in verdict.metrics if metric.name == fact.subject), None)


def _number(fact: ReasonFact, name: str) -> float:
    value = fact.numbers.get(name)
    return float(value) if isinstance(value, (int, float)) else math.nan


def _count(fact: ReasonFact, name: str) -> int:
    value = _number(fact, name)
    return int(value) if math.isfinite(value) else 0


_WRITERS: Mapping[Reason, Callable[[ReasonFact, Verdict], str]] = {
    Reason.REGRESSION: _regression,
    Reason.MORE_SPIKES: _more_spikes,
    Reason.BETWEEN_LIMITS: _between_limits,
    Reason.INSUFFICIENT_EXPOSURE: _exposure,
    Reason.NO_REGRESSION: _passed,
    Reason.BUDGET_PAIRS: _budget,
    Reason.BUDGET_MINUTES: _budget,
    Reason.TOO_FEW_SAMPLES: _cannot_be_judged,
    Reason.NOT_MEASURED: _cannot_be_judged,
    Reason.OVERLAPPING_REQUESTS: _overlaps,
    Reason.TOO_FEW_CAMPAIGNS: _too_few_campaigns,
    Reason.WITHIN_PREDICTION: _within_prediction,
}
