"""The verdict in one sentence, and the sentence that says what to do next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.names import CAPACITY_RPS
from socklat_gate.measured.open_verdict import CANNOT_JUDGE, blocked
from socklat_gate.measured.result import Result, RunResult
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import (
    judged_histogram,
    latency_stage,
    request_names,
    request_part,
)
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.wording.advice import (
    ADVICE,
    CAPACITY_ADVICE,
    COUNTS,
    IMPROVED,
    INTENDED,
    SPIKES,
    STAGES,
)
from socklat_gate.wording.change_text import (
    change_text,
    incomplete_text,
    pairs_text,
)
from socklat_gate.wording.container_metrics import kind_of
from socklat_gate.wording.decisive import carrier, improved, leading, worst_of
from socklat_gate.wording.detects_text import detects_sentence
from socklat_gate.wording.metric_names import marked, metric_sentence, requests_of
from socklat_gate.wording.pass_text import pass_sentence
from socklat_gate.wording.reasons import reason_text
from socklat_gate.wording.regression_text import regression_sentence
from socklat_gate.wording.sentence import Name, Sentence
from socklat_gate.wording.stand_in_text import stand_in_text
from socklat_gate.wording.units import count, ns
from socklat_gate.wording.watch_advice import growth_advice, stop_advice, watch_advice

__all__ = ["headline", "next_step"]


def headline(result: Result) -> Sentence:
    """One sentence that says what came out."""
    if isinstance(result, RunResult):
        return _run_sentence(result)
    verdict = result.verdict
    shown: Sentence = ()
    if verdict.outcome is Outcome.REGRESSION:
        shown = regression_sentence(verdict)
    elif verdict.outcome is Outcome.PASS and (verdict.metrics or verdict.capacity):
        shown = pass_sentence(verdict)
    elif verdict.outcome is Outcome.INCONCLUSIVE and verdict.pairs and not _differs(verdict):
        shown = _inconclusive_sentence(verdict)
    shown = (*detects_sentence(verdict), *(shown or _first_reason(verdict)))
    return (*shown, *stand_in_text(result.notes)) if verdict.outcome is Outcome.PASS else shown


def _differs(verdict: Verdict) -> bool:
    """Whether the first reason says it all, and no metric does."""
    return blocked(verdict) or verdict.reasons[0].code is Reason.ANSWERS_DIFFER


def next_step(result: Result) -> Sentence:
    """What the reader should do now."""
    if isinstance(result, RunResult):
        return ("Compare it with another run: ", Name("socklat-gate compare BASE CANDIDATE"), ".")
    verdict = result.verdict
    if verdict.outcome is Outcome.REGRESSION:
        return _after_regression(verdict)
    open_ = verdict.outcome is Outcome.INCONCLUSIVE and not blocked(verdict)
    if open_ and (longer := _more_pairs(verdict) or watch_advice(verdict)):
        return longer
    for fact in verdict.reasons:
        if fact.subject == CAPACITY_RPS and fact.code in CAPACITY_ADVICE:
            return CAPACITY_ADVICE[fact.code]
        if fact.code in ADVICE:
            return ADVICE[fact.code]
    passed = verdict.outcome is Outcome.PASS
    return IMPROVED if passed and improved(verdict) else ADVICE[verdict.outcome]


def _after_regression(verdict: Verdict) -> Sentence:
    reasons = [fact.code for fact in verdict.reasons]
    if reasons[:1] == [Reason.ABOVE_LIMIT]:
        return ADVICE[Reason.ABOVE_LIMIT]
    waivable = set(reasons) != {Reason.GROWTH}
    return (*_investigate(verdict), *(INTENDED if waivable else ()))


def _run_sentence(result: RunResult) -> Sentence:
    runs = result.campaign.runs
    stage = latency_stage(runs)
    measured = [run.histograms[stage] for run in runs if stage in run.histograms]
    exchanges = sum(histogram.total for histogram in measured)
    corrected = [run.corrected.histograms.get(stage) for run in runs if run.corrected]
    judged = [histogram for histogram in corrected if histogram is not None and histogram.total]
    without_stalls = bool(runs) and len(judged) == len(runs)
    image = Name(result.candidate_image or "the service")
    if not exchanges:
        return (image, " was measured, but no exchange was recorded")
    p50, p99 = Histogram.merged(judged if without_stalls else measured).quantiles_ns([0.5, 0.99])
    text = f" responded to {count(exchanges)} requests: {stage} p50 {ns(p50)}, p99 {ns(p99)}"
    text += " (corrected for stalls)" if without_stalls else ""
    return (image, text, *_slowest_request(runs, stage))


def _slowest_request(runs: Sequence[Run], stage: str) -> Sentence:
    """Which of several named requests has the highest p99; empty without names."""
    p99 = {name: _p99_ns(runs, name, stage) for name in request_names(runs)}
    known = {name: value for name, value in p99.items() if math.isfinite(value)}
    if len(known) < 2:
        return ()
    slowest = max(known, key=known.__getitem__)
    return (f"; slowest of {len(known)} requests: ", Name(slowest), f", p99 {ns(known[slowest])}")


def _p99_ns(runs: Sequence[Run], request: str, stage: str) -> float:
    """As judged, over all runs; NaN without exchanges."""
    found = (judged_histogram(request_part(run, request), stage) for run in runs)
    return Histogram.merged(one for one in found if one is not None).quantile_ns(0.99)


def _first_reason(verdict: Verdict) -> Sentence:
    if not verdict.reasons:
        return ("no reason was given",)
    fact = _leading_reason(verdict)
    reason, text = fact.code, reason_text(fact, verdict)
    if reason in CANNOT_JUDGE:  # the whole list of what is missing follows below
        text = text.partition(";")[0]
    text = f"the machine was too noisy: {text}" if reason is Reason.TOO_NOISY else text
    return marked(text, requests_of(verdict))


def _leading_reason(verdict: Verdict) -> ReasonFact:
    """The first one; of a pass that only waits for more, what it waits for, not the budget."""
    awaited = [fact for fact in verdict.reasons if fact.code is Reason.WATCH_OPEN]
    return awaited[0] if awaited and verdict.only_undecided else verdict.reasons[0]


def _inconclusive_sentence(verdict: Verdict) -> Sentence:
    worst = worst_of(verdict, Outcome.INCONCLUSIVE)
    if worst is None:
        return ()
    pairs = pairs_text(verdict.pairs, containers=verdict.containers)
    if incomplete := incomplete_text(worst):
        return (*metric_sentence(worst.name), f"{incomplete} after {pairs}")
    return (f"{pairs} did not decide ", *metric_sentence(worst.name), f", {change_text(worst)}")


def _investigate(verdict: Verdict) -> Sentence:
    for fact in verdict.reasons:
        if fact.code in COUNTS:
            return ADVICE[fact.code]
    worst = leading(verdict)
    if worst is None:
        return _investigate_events(verdict) or ADVICE[Outcome.REGRESSION]
    if advice := kind_of(worst.stage).advice:
        return advice
    found = carrier(verdict, worst)
    if found is None or found.stage is None:
        return ADVICE[Outcome.REGRESSION]
    hint = STAGES.get(found.stage, "")
    port = (" on port ", Name(found.port)) if found.port else ()
    of = (" of ", Name(found.request)) if found.request else ()
    return ("Start with ", Name(found.stage), *port, *of, f"{': ' + hint if hint else ''}.")


def _investigate_events(verdict: Verdict) -> Sentence:
    """Where to begin when no metric got slower."""
    if verdict.spikes and verdict.spikes.failed:
        return SPIKES
    if verdict.stops and verdict.stops.failed:
        return stop_advice(verdict.stops)
    return growth_advice(verdict)


def _more_pairs(verdict: Verdict) -> Sentence:
    """How many would decide; empty where that is not known."""
    further = verdict.pairs_to_decide
    if not further:
        return ()
    out_of_time = any(fact.code is Reason.BUDGET_MINUTES for fact in verdict.reasons)
    more = pairs_text(further, "more ", verdict.containers)
    about = f"About {more} would decide: run again with "
    limit = Name(f"--max-pairs {verdict.pairs + further}")
    longer = (" and a larger ", Name("gate.max_minutes")) if out_of_time else ()
    return (about, limit, *longer, ".")
