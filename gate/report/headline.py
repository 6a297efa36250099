"""The verdict in one sentence, and the sentence that says what to do next."""

from __future__ import annotations

import math

from gate.errors import Reason
from gate.histogram import Histogram
from gate.report.advice import ADVICE, INTENDED, STAGES
from gate.report.sentence import Name, Sentence
from gate.report.units import change, count, interval, ns
from gate.result import Result
from gate.verdict.model import Attribution, MetricVerdict, Outcome, Verdict

__all__ = ["headline", "next_step", "slice_of"]

MAX_ALSO = 3


def headline(result: Result) -> Sentence:
    """One sentence that says what came out."""
    verdict = result.verdict
    if verdict is None:
        return _measured(result)
    if verdict.outcome is Outcome.REGRESSION and _worst(verdict, Outcome.REGRESSION):
        return _regression(verdict)
    if verdict.outcome is Outcome.PASS and verdict.metrics:
        return _passed(verdict)
    undecided = _worst(verdict, Outcome.INCONCLUSIVE)
    if verdict.outcome is Outcome.INCONCLUSIVE and undecided and verdict.pairs:
        return (
            f"{_pairs(verdict.pairs)} did not decide ",
            Name(undecided.name),
            f", {_changed(undecided)}",
        )
    return (verdict.reasons[0][1] if verdict.reasons else "no reason was given",)


def next_step(result: Result) -> Sentence:
    """What the reader should do now."""
    verdict = result.verdict
    if verdict is None:
        return ("Compare it with another run: ", Name("socklat-gate compare BASE CANDIDATE"), ".")
    if verdict.outcome is Outcome.REGRESSION:
        return _investigate(verdict)
    reasons = [reason for reason, _ in verdict.reasons]
    if verdict.outcome is Outcome.INCONCLUSIVE and verdict.further_pairs:
        return _more_pairs(verdict, verdict.further_pairs, Reason.BUDGET_MINUTES in reasons)
    for reason in reasons:
        if reason in ADVICE:
            return ADVICE[reason]
    return ADVICE[verdict.outcome]


def slice_of(quantile: float) -> str:
    """Name of the attribution's slice that a quantile belongs to."""
    if quantile >= 0.99:
        return "slowest 1%"
    return "slowest 10%" if quantile >= 0.9 else "middle"


def _measured(result: Result) -> Sentence:
    runs = result.campaign.runs if result.campaign else ()
    services = [run.histograms["service"] for run in runs if "service" in run.histograms]
    exchanges = sum(histogram.total for histogram in services)
    image = Name(result.candidate_image or "the service")
    if not exchanges:
        return (image, " was measured, but no exchange was recorded")
    p50, p99 = Histogram.merged(services).quantiles_ns([0.5, 0.99])
    text = f" answered {count(exchanges)} requests: service p50 {ns(p50)}, p99 {ns(p99)}"
    return (image, text)


def _regression(verdict: Verdict) -> Sentence:
    worst = _worst(verdict, Outcome.REGRESSION)
    assert worst is not None
    others = [
        m for m in verdict.metrics if m.verdict is Outcome.REGRESSION and m.name != worst.name
    ]
    also: list[str] = []
    for metric in others[:MAX_ALSO]:
        also += [", " if also else "; also ", Name(metric.name), f" ({change(metric.change)})"]
    return (
        Name(worst.name),
        f" is {_slower(worst)}",
        *_where(verdict.attribution, worst),
        *also,
    )


def _where(attribution: tuple[Attribution, ...], metric: MetricVerdict) -> Sentence:
    """Which stage carries the change of a ``service`` quantile, if one does."""
    if metric.stage != "service" or metric.quantile is None:
        return ()
    found = next((a for a in attribution if a.slice == slice_of(metric.quantile)), None)
    if found is None or found.stage is None:
        return ()
    part = next((s.share for s in found.shares if s.stage == found.stage), math.nan)
    amount = "almost all" if part >= 0.9 else "most" if part >= 0.5 else "the largest part"
    return (f", {amount} of it in ", Name(found.stage))


def _passed(verdict: Verdict) -> Sentence:
    largest = max(verdict.metrics, key=_change_or_lowest)
    number = len(verdict.metrics)
    within = "the metric is" if number == 1 else f"all {number} metrics are"
    after = f" after {_pairs(verdict.pairs)}" if verdict.pairs else ""
    head = f"{within} within {'its' if number == 1 else 'their'} limits{after}; largest change: "
    return (head, Name(largest.name), f" {_changed(largest)}")


def _worst(verdict: Verdict, outcome: Outcome) -> MetricVerdict | None:
    found = [metric for metric in verdict.metrics if metric.verdict is outcome]
    return max(found, key=_change_or_lowest, default=None)


def _change_or_lowest(metric: MetricVerdict) -> float:
    return -math.inf if math.isnan(metric.change) else metric.change


def _slower(metric: MetricVerdict) -> str:
    if math.isnan(metric.change):
        return "slower than its limit"
    size = change(abs(metric.change)).lstrip("+")
    return f"{size} {'slower' if metric.change >= 0 else 'faster'}{_bounds(metric, plus=False)}"


def _changed(metric: MetricVerdict) -> str:
    return f"{change(metric.change)}{_bounds(metric)}"


def _bounds(metric: MetricVerdict, *, plus: bool = True) -> str:
    """The interval in brackets; its signs may go when "slower" says them, if both are plus."""
    if not (math.isfinite(metric.ci_low) and math.isfinite(metric.ci_high)):
        return ""
    shown = interval(metric.ci_low, metric.ci_high)
    if not plus and metric.ci_low > 0:
        shown = shown.replace("+", "")
    return f" (95% interval {shown})"


def _investigate(verdict: Verdict) -> Sentence:
    worst = _worst(verdict, Outcome.REGRESSION)
    where = _where(verdict.attribution, worst) if worst else ()
    if not where:
        return (*ADVICE[Outcome.REGRESSION], *INTENDED)
    stage = where[-1]
    hint = STAGES.get(stage, "")
    return ("Start with ", Name(stage), f"{': ' + hint if hint else ''}.", *INTENDED)


def _more_pairs(verdict: Verdict, further: int, out_of_time: bool) -> Sentence:
    about = f"About {_pairs(further, 'more ')} would decide: run again with "
    limit = Name(f"--max-pairs {verdict.pairs + further}")
    longer = (" and a larger ", Name("gate.max_minutes")) if out_of_time else ()
    return (about, limit, *longer, ".")


def _pairs(number: int, more: str = "") -> str:
    return f"{count(number)} {more}pair{'' if number == 1 else 's'}"
