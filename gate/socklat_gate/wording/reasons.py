"""The reasons of a verdict as sentences.

A fact may come from a stored document that somebody else wrote, so none of its numbers is taken for
granted: what is missing reads "unknown" or 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import TEXT, ReasonFact
from socklat_gate.measured.names import CAPACITY, CAPACITY_RPS, CONNECTIONS, ERRORS
from socklat_gate.measured.open_verdict import CANNOT_JUDGE
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.verdict import SpikeVerdict, Verdict
from socklat_gate.wording import units
from socklat_gate.wording.carried_text import carried_reason, excluded_loss
from socklat_gate.wording.change_text import pairs_text
from socklat_gate.wording.changes import listing, pair_word, plural
from socklat_gate.wording.count_text import (
    counts_summary,
    differences_text,
    named_count,
    undecided_text,
)
from socklat_gate.wording.fact_numbers import count_of, number_of
from socklat_gate.wording.growth_text import growth_text
from socklat_gate.wording.limit_text import above_limit_text, not_shown_text, within_text
from socklat_gate.wording.metric_names import metric_phrase
from socklat_gate.wording.metric_reasons import (
    between_limits_text,
    cannot_be_judged_text,
    clients_slower_text,
    metric_named,
    pairs_of,
    raw_slower_text,
    regression_text,
    too_few_requests_text,
)
from socklat_gate.wording.same_image_text import same_image_text
from socklat_gate.wording.shared_facts import (
    exposure_text,
    no_hook_text,
    overlap_text,
    spikes_text,
)
from socklat_gate.wording.stop_text import more_stops_text
from socklat_gate.wording.threshold_text import thresholds_text
from socklat_gate.wording.watch_text import of_watch, watch_open_text

__all__ = ["coded_reasons", "reason_text"]

BUDGETS = {Reason.BUDGET_PAIRS: "pairs", Reason.BUDGET_MINUTES: "minutes"}
STALLS = {
    "late_tick": "late ticks",
    "steal": "stretches of stolen CPU time",
    "interference": "bursts of other processes",
}
"""By their cause, an index of the probe's."""


def coded_reasons(verdict: Verdict) -> list[tuple[str, str]]:
    """Each reason's code and its sentence."""
    return [(fact.code.value, reason_text(fact, verdict)) for fact in verdict.reasons]


def reason_text(fact: ReasonFact, verdict: Verdict) -> str:
    """One reason of ``verdict`` as a sentence; numbers that the verdict has are taken from it."""
    kept = fact.numbers.get(TEXT)
    if isinstance(kept, str):
        return kept
    if fact.subject == CAPACITY_RPS:
        return carried_reason(fact, verdict)
    write = _WRITERS.get(fact.code)
    return write(fact, verdict) if write else fact.code.value.replace("_", " ")


def _more_spikes(fact: ReasonFact, verdict: Verdict) -> str:
    spikes = verdict.spikes
    if spikes is None:
        return "the candidate has more spikes"
    of = f", most of those that are more in response to `{fact.subject}`" if fact.subject else ""
    return _spikes_of(spikes) + of


def _spikes_of(spikes: SpikeVerdict) -> str:
    return spikes_text(
        {
            "events": spikes.candidate_events,
            "threshold_ns": spikes.threshold_ns,
            "exposure_s": spikes.candidate_exposure_s,
            "reference_events": spikes.baseline_events,
            "reference_exposure_s": spikes.baseline_exposure_s,
        }
    )


def _more(name: str, fact: ReasonFact, verdict: Verdict) -> str:
    """Of the whole, or of the request that the fact names."""
    count = named_count(fact.subject or name, verdict)
    return counts_summary(count) if count else f"the candidate has more {name}"


def _undecided(fact: ReasonFact, verdict: Verdict) -> str:
    count = named_count(fact.subject, verdict)
    return undecided_text(count) if count else f"{metric_phrase(fact.subject)} is undecided"


def _no_regression(fact: ReasonFact, verdict: Verdict) -> str:
    changes = (
        f"{pairs_of(fact, verdict)} exclude changes as large as {thresholds_text(verdict.metrics)}"
    )
    loss = excluded_loss(verdict.capacity) if verdict.capacity else ""
    return "; ".join(filter(None, (changes if verdict.metrics or not loss else "", loss)))


def _together(fact: ReasonFact, verdict: Verdict) -> str:
    shown = [
        f"{metric_phrase(name)} ({units.change(metric.change)})"
        if (metric := metric_named(name, verdict))
        else of_watch(name) or metric_phrase(name)
        for name in fact.subject.split(", ")
    ]
    held = units.beside_threshold(
        number_of(fact.numbers, "evidence"), number_of(fact.numbers, "threshold")
    )
    return (
        f"the metrics together show a regression, and none does alone: most evidence is that of "
        f"{listing(shown)} (weighted mean of all e-values / threshold: {held})"
    )


def _request_not_seen(fact: ReasonFact, _verdict: Verdict) -> str:
    baseline, candidate = (count_of(fact.numbers, arm) for arm in ARMS)
    return (
        f"of request `{fact.subject}` nothing is known: {plural(baseline, 'exchange')} of the "
        f"baseline, {candidate} of the candidate"
    )


def _budget(fact: ReasonFact, verdict: Verdict) -> str:
    pairs = count_of(fact.numbers, "pairs")
    usable = pairs_text(pairs, "usable ", verdict.containers)
    text = f"the budget of {BUDGETS[fact.code]} is spent after {usable}"
    if fact.numbers.get("pairs_to_decide") is not None:
        further = count_of(fact.numbers, "pairs_to_decide")
        more = pairs_text(further, "more ", verdict.containers)
        return f"{text}; about {more} would decide"
    if _waits(verdict):
        return text
    if not pairs or any(other.code in CANNOT_JUDGE for other in verdict.reasons):
        return text
    word = pair_word(verdict.containers)
    return f"{text}; more {word}s like these are not expected to decide"


def _waits(verdict: Verdict) -> bool:
    """Whether pairs are not what it lacks."""
    return any(
        fact.subject == CAPACITY_RPS or fact.code is Reason.WATCH_OPEN for fact in verdict.reasons
    )


def _too_few_campaigns(fact: ReasonFact, _verdict: Verdict) -> str:
    there, needed = count_of(fact.numbers, "campaigns"), count_of(fact.numbers, "needed")
    return (
        f"{plural(there, 'stored campaign')} {'is' if there == 1 else 'are'} too few to know how "
        f"much two days differ by themselves: {needed - there} more of the baseline "
        f"{'is' if needed - there == 1 else 'are'} needed ({needed} in all)"
    )


def _within_prediction(fact: ReasonFact, _verdict: Verdict) -> str:
    campaigns = count_of(fact.numbers, "campaigns")
    return f"the candidate lies where {campaigns} stored campaigns predict it"


def _correlated_stalls(fact: ReasonFact, _verdict: Verdict) -> str:
    cause = STALLS.get(fact.subject, "stalls")
    return (
        f"{cause} follow the requests of one arm (evidence "
        f"{number_of(fact.numbers, 'evidence'):.3g}, {number_of(fact.numbers, 'limit'):g} is "
        "enough), so nothing is corrected for them: raw numbers are judged"
    )


_WRITERS: Mapping[Reason, Callable[[ReasonFact, Verdict], str]] = {
    Reason.REGRESSION: regression_text,
    Reason.MORE_SPIKES: _more_spikes,
    Reason.MORE_STOPS: more_stops_text,
    Reason.GROWTH: growth_text,
    Reason.WATCH_OPEN: watch_open_text,
    Reason.MORE_ERRORS: lambda fact, verdict: _more(ERRORS, fact, verdict),
    Reason.LESS_CAPACITY: lambda fact, verdict: _more(CAPACITY, fact, verdict),
    Reason.MORE_CONNECTIONS: lambda fact, verdict: _more(CONNECTIONS, fact, verdict),
    Reason.COUNTS_UNDECIDED: _undecided,
    Reason.ANSWERS_DIFFER: lambda fact, _verdict: differences_text(fact.subject, fact.numbers),
    Reason.BETWEEN_LIMITS: between_limits_text,
    Reason.INSUFFICIENT_EXPOSURE: lambda fact, _verdict: exposure_text(fact.numbers),
    Reason.NO_REGRESSION: _no_regression,
    Reason.BUDGET_PAIRS: _budget,
    Reason.BUDGET_MINUTES: _budget,
    Reason.TOO_FEW_SAMPLES: cannot_be_judged_text,
    Reason.NOT_MEASURED: cannot_be_judged_text,
    Reason.OVERLAPPING_REQUESTS: lambda fact, _verdict: overlap_text(fact.subject, fact.numbers),
    Reason.TOO_FEW_CAMPAIGNS: _too_few_campaigns,
    Reason.NO_HOOK: lambda fact, _verdict: no_hook_text(fact.numbers),
    Reason.WITHIN_PREDICTION: _within_prediction,
    Reason.RAW_SLOWER: raw_slower_text,
    Reason.CLIENTS_SLOWER: clients_slower_text,
    Reason.CORRELATED_STALLS: _correlated_stalls,
    Reason.TOO_FEW_REQUESTS: too_few_requests_text,
    Reason.REGRESSION_TOGETHER: _together,
    Reason.REQUEST_NOT_SEEN: _request_not_seen,
    Reason.ABOVE_LIMIT: above_limit_text,
    Reason.LIMIT_NOT_SHOWN: not_shown_text,
    Reason.WITHIN_LIMITS: within_text,
    Reason.SAME_IMAGE: lambda fact, _verdict: same_image_text(fact.numbers),
}
