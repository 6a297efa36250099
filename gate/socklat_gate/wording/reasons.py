"""The reasons of a verdict as sentences.

A fact may come from a stored document that somebody else wrote, so none of its numbers is taken for
granted: what is missing reads "unknown" or 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import TEXT, Lack, ReasonFact, Scalar, Shortfall
from socklat_gate.measured.verdict import MetricVerdict, Verdict
from socklat_gate.wording import units
from socklat_gate.wording.changes import listing, plural
from socklat_gate.wording.decisive import CANNOT_JUDGE
from socklat_gate.wording.fact_numbers import count_of, number_of

__all__ = [
    "coded_reasons",
    "exposure_text",
    "no_hook_text",
    "overlap_text",
    "reason_text",
    "shortfall_text",
    "spikes_text",
]

BUDGETS = {Reason.BUDGET_PAIRS: "pairs", Reason.BUDGET_MINUTES: "minutes"}


def coded_reasons(verdict: Verdict) -> list[tuple[str, str]]:
    """Each reason's code and its sentence."""
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


def no_hook_text(events: Mapping[str, Scalar]) -> str:
    """Why a scenario cannot be judged: by stage, the events that this kernel has no hook for."""
    needed = "; ".join(
        f"{stage} is not measured: no hook for {names or 'it'} attaches to this kernel"
        for stage, names in events.items()
    )
    return f"{needed or 'a stage is not measured'} (gate another stage, or run where it does)"


def _where(shortfall: Shortfall) -> str:
    if shortfall.pair is not None:
        return f"pair {shortfall.pair}, {shortfall.arm or 'one arm'}"
    who = "new" if shortfall.campaign is None else f"stored campaign {shortfall.campaign}"
    return who if shortfall.run is None else f"{who}, run {shortfall.run}"


def _regression(fact: ReasonFact, verdict: Verdict) -> str:
    metric = _metric(fact, verdict)
    if metric is None:
        return f"{fact.subject} changed by more than its tolerance"
    if "campaigns" in fact.numbers:
        return _beside_prediction(metric)
    return (
        f"{metric.name} changed by {units.change(metric.change)} (95% interval "
        f"{units.interval(metric.ci_low, metric.ci_high)}); "
        f"tolerance {units.change(metric.tolerance)}"
        + (f" (waived until {metric.waived.expires})" if metric.waived else "")
    )


def _beside_prediction(metric: MetricVerdict) -> str:
    return (
        f"{metric.name} differs by {units.change(metric.change)} from what the stored campaigns "
        f"predict (95% interval {units.interval(metric.ci_low, metric.ci_high)}); tolerance "
        f"{units.change(metric.tolerance)}, regression threshold "
        f"{units.change(metric.regression_threshold)}"
    )


def _between_limits(fact: ReasonFact, verdict: Verdict) -> str:
    metric = _metric(fact, verdict)
    if metric is not None:
        return _beside_prediction(metric)
    return f"{plural(count_of(fact.numbers, 'pairs'), 'pair')} so far neither pass nor fail"


def _more_spikes(_fact: ReasonFact, verdict: Verdict) -> str:
    spikes = verdict.spikes
    if spikes is None:
        return "the candidate has more spikes"
    return spikes_text(
        {
            "events": spikes.candidate_events,
            "threshold_ns": spikes.threshold_ns,
            "exposure_s": spikes.candidate_exposure_s,
            "reference_events": spikes.baseline_events + spikes.stored_events,
            "reference_exposure_s": spikes.baseline_exposure_s + spikes.stored_exposure_s,
        }
    )


def spikes_text(numbers: Mapping[str, Scalar]) -> str:
    """Spikes of the candidate beside those of the reference."""
    return (
        f"{plural(count_of(numbers, 'events'), 'spike')} of "
        f"{units.ns(number_of(numbers, 'threshold_ns'))} or more in "
        f"{units.duration_s(number_of(numbers, 'exposure_s'))} of the candidate, "
        f"{count_of(numbers, 'reference_events')} in "
        f"{units.duration_s(number_of(numbers, 'reference_exposure_s'))} of the reference"
    )


def exposure_text(numbers: Mapping[str, Scalar]) -> str:
    """A pass that waits for the candidate to be watched for spikes."""
    return (
        "the candidate was watched for spikes for "
        f"{units.duration_s(number_of(numbers, 'exposure_s'))}, less than gate.spikes.watch_s; "
        f"about {plural(count_of(numbers, 'pairs_to_decide'), 'more pair')} needed"
    )


def _passed(fact: ReasonFact, verdict: Verdict) -> str:
    limits = ", ".join(
        f"{metric.name} {units.change(metric.regression_threshold)}" for metric in verdict.metrics
    )
    return f"{plural(count_of(fact.numbers, 'pairs'), 'pair')} exclude changes as large as {limits}"


def _budget(fact: ReasonFact, verdict: Verdict) -> str:
    pairs = count_of(fact.numbers, "pairs")
    text = f"the budget of {BUDGETS[fact.code]} is spent after {plural(pairs, 'usable pair')}"
    if fact.numbers.get("pairs_to_decide") is not None:
        more = plural(count_of(fact.numbers, "pairs_to_decide"), "more pair")
        return f"{text}; about {more} would decide"
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


def overlap_text(subject: str, numbers: Mapping[str, Scalar]) -> str:
    """Requests of an arm that overlapped too often."""
    share, allowed = number_of(numbers, "share"), number_of(numbers, "allowed")
    return (
        f"{units.share(min(share, 1.0))} of the {subject}'s exchanges overlapped on their "
        f"connections (pipelining or multiplexing; {units.share(allowed)} allowed), "
        "so their service time is approximate: load the service with one request at a "
        "time per connection, or raise gate.max_overlap"
    )


def _too_few_campaigns(fact: ReasonFact, _verdict: Verdict) -> str:
    there, needed = count_of(fact.numbers, "campaigns"), count_of(fact.numbers, "needed")
    return (
        f"{plural(there, 'stored campaign')} are too few to know how much two days differ "
        f"by themselves: {needed - there} more of the baseline are needed ({needed} in all)"
    )


def _within_prediction(fact: ReasonFact, _verdict: Verdict) -> str:
    campaigns = count_of(fact.numbers, "campaigns")
    return f"the candidate lies where {campaigns} stored campaigns predict it"


def _metric(fact: ReasonFact, verdict: Verdict) -> MetricVerdict | None:
    return next((metric for metric in verdict.metrics if metric.name == fact.subject), None)


_WRITERS: Mapping[Reason, Callable[[ReasonFact, Verdict], str]] = {
    Reason.REGRESSION: _regression,
    Reason.MORE_SPIKES: _more_spikes,
    Reason.BETWEEN_LIMITS: _between_limits,
    Reason.INSUFFICIENT_EXPOSURE: lambda fact, _verdict: exposure_text(fact.numbers),
    Reason.NO_REGRESSION: _passed,
    Reason.BUDGET_PAIRS: _budget,
    Reason.BUDGET_MINUTES: _budget,
    Reason.TOO_FEW_SAMPLES: _cannot_be_judged,
    Reason.NOT_MEASURED: _cannot_be_judged,
    Reason.OVERLAPPING_REQUESTS: lambda fact, _verdict: overlap_text(fact.subject, fact.numbers),
    Reason.TOO_FEW_CAMPAIGNS: _too_few_campaigns,
    Reason.NO_HOOK: lambda fact, _verdict: no_hook_text(fact.numbers),
    Reason.WITHIN_PREDICTION: _within_prediction,
}
