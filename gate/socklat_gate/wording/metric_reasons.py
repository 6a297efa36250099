"""The reasons of a verdict that are about one metric, as sentences."""

from __future__ import annotations

import math

from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.verdict import MetricVerdict, Verdict
from socklat_gate.wording import units
from socklat_gate.wording.change_text import pairs_text
from socklat_gate.wording.changes import listing, plural
from socklat_gate.wording.fact_numbers import count_of, number_of
from socklat_gate.wording.limit_text import limit_lacks
from socklat_gate.wording.metric_names import metric_phrase
from socklat_gate.wording.shared_facts import shortfall_text

__all__ = [
    "between_limits_text",
    "cannot_be_judged_text",
    "clients_slower_text",
    "metric_named",
    "pairs_of",
    "raw_slower_text",
    "regression_text",
    "too_few_requests_text",
]


def regression_text(fact: ReasonFact, verdict: Verdict) -> str:
    """By how much the metric changed, beside its tolerance."""
    metric = _metric(fact, verdict)
    if metric is None:
        return f"{metric_phrase(fact.subject)} changed by more than its tolerance"
    if "campaigns" in fact.numbers:
        return _beside_prediction(metric)
    return (
        f"{metric_phrase(metric.name)} changed by {units.change(metric.change)} (interval "
        f"{units.interval(metric.ci_low, metric.ci_high)}); "
        f"tolerance {units.change(metric.tolerance)}"
        + (f" (waived until {metric.waived.expires})" if metric.waived else "")
    )


def between_limits_text(fact: ReasonFact, verdict: Verdict) -> str:
    """What was seen, where it is neither a regression nor none."""
    metric = _metric(fact, verdict)
    if metric is not None:
        return _beside_prediction(metric) + _slow_day(fact, metric)
    return f"{pairs_of(fact, verdict)} so far neither pass nor fail"


def cannot_be_judged_text(fact: ReasonFact, verdict: Verdict) -> str:
    """What the metric lacks."""
    if not fact.subject:
        return "no pair could be used"
    metric = _metric(fact, verdict)
    lacks = (
        [shortfall_text(one, metric.stage, metric.quantile) for one in metric.shortfalls]
        if metric
        else []
    )
    why = listing(lacks or limit_lacks(fact.subject, verdict)) or fact.code.value.replace("_", " ")
    return f"{metric_phrase(fact.subject)} cannot be judged: {why}"


def raw_slower_text(fact: ReasonFact, verdict: Verdict) -> str:
    """That only the correction for stalls makes it pass."""
    name = metric_phrase(fact.subject)
    if "change" in fact.numbers:  # by stored campaigns
        return (
            f"{name} passes only corrected for stalls: its raw numbers are "
            f"{units.change(number_of(fact.numbers, 'change'))} beside their prediction"
        )
    metric = _metric(fact, verdict)
    evidence = f"(evidence {number_of(fact.numbers, 'evidence'):.3g}, a pass allows 1)"
    if metric and math.isnan(metric.raw_change):  # nothing was corrected
        return (
            f"{name} changed by {units.change(metric.change)}: enough to pass by, but its "
            f"numbers speak for a regression too {evidence}"
        )
    change = f" ({units.change(metric.raw_change)})" if metric else ""
    return (
        f"{name} passes only corrected for stalls: its raw numbers{change} speak for a "
        f"regression {evidence}"
    )


def clients_slower_text(fact: ReasonFact, _verdict: Verdict) -> str:
    """That the load driver's own times speak against the pass."""
    name = metric_phrase(fact.subject)
    if "change" in fact.numbers:  # by stored campaigns
        return (
            f"{name} passes by what the service's sockets show, but the load driver's own "
            f"times are {units.change(number_of(fact.numbers, 'change'))} beside their prediction"
        )
    baseline, candidate = (
        units.ns(number_of(fact.numbers, f"{arm}_ns")) for arm in ("baseline", "candidate")
    )
    return (
        f"{name} passes by what the service's sockets show, but by the load driver's own "
        f"times the candidate is slower: {baseline} became {candidate} (evidence "
        f"{number_of(fact.numbers, 'evidence'):.3g}, a pass allows 1)"
    )


def too_few_requests_text(fact: ReasonFact, _verdict: Verdict) -> str:
    """How many there were, and how many are needed."""
    numbers = fact.numbers
    return (
        f"{metric_phrase(fact.subject)} cannot be judged: "
        f"{plural(count_of(numbers, 'requests'), 'request')} in "
        f"{units.duration_s(number_of(numbers, 'length_s'))} are too few, "
        f"{count_of(numbers, 'needed')} are needed: runs of "
        f"{units.duration_s(number_of(numbers, 'needed_s'))} at this rate, or "
        f"{units.count(count_of(numbers, 'needed_rate'))} requests a second"
    )


def pairs_of(fact: ReasonFact, verdict: Verdict) -> str:
    """The pairs of a fact, as the verdict counts them."""
    return pairs_text(count_of(fact.numbers, "pairs"), containers=verdict.containers)


def metric_named(name: str, verdict: Verdict) -> MetricVerdict | None:
    """The verdict's metric of that name; None: it has none."""
    return next((metric for metric in verdict.metrics if metric.name == name), None)


def _metric(fact: ReasonFact, verdict: Verdict) -> MetricVerdict | None:
    return metric_named(fact.subject, verdict)


def _beside_prediction(metric: MetricVerdict) -> str:
    return (
        f"{metric_phrase(metric.name)} differs by {units.change(metric.change)} from what the "
        f"stored campaigns predict (95% interval {units.interval(metric.ci_low, metric.ci_high)}); "
        f"tolerance {units.change(metric.tolerance)}, regression threshold "
        f"{units.change(metric.regression_threshold)}"
    )


def _slow_day(fact: ReasonFact, metric: MetricVerdict) -> str:
    """That it is slower than predicted, which one slow day would explain too."""
    needed = count_of(fact.numbers, "needed")
    if not needed or not metric.ci_low > metric.tolerance:
        return ""
    campaigns = plural(count_of(fact.numbers, "campaigns"), "campaign")
    return (
        f"; a slow day would explain it too, and {campaigns} may not have met one ({needed} would "
        f"have): it fails from {units.change(metric.mde)} on"
    )
