"""The headline of a regression: what is slower, by how much, where, and what else."""

from __future__ import annotations

import math

from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.verdict import MetricVerdict, Outcome, SpikeVerdict, Verdict
from socklat_gate.wording.carried_text import less_carried
from socklat_gate.wording.change_text import bounds_text, incomplete_text, is_incomplete
from socklat_gate.wording.changes import plural
from socklat_gate.wording.container_metrics import kind_of, value_text
from socklat_gate.wording.count_text import counts_summary
from socklat_gate.wording.decisive import carrier, most_evidence, others_of, worst_of
from socklat_gate.wording.growth_text import growth_sentence
from socklat_gate.wording.metric_names import marked, metric_sentence, requests_of
from socklat_gate.wording.sentence import Name, Sentence
from socklat_gate.wording.spike_text import spikes_summary
from socklat_gate.wording.stop_text import stops_sentence
from socklat_gate.wording.units import change

__all__ = ["regression_sentence"]

MAX_ALSO = 3
DEPEND, INTERNAL, UPLOAD = "depend", "internal", "upload"


def regression_sentence(verdict: Verdict) -> Sentence:
    """``p99 of `checkout` is 31.0% slower, most of it in `app`; also ...``; empty for others."""
    worst = worst_of(verdict, Outcome.REGRESSION)
    failed = [count for count in verdict.counts if count.failed]
    if failed:  # first, since the latency of what fails means little
        slower: Sentence = ()
        if worst:
            slower = ("; also ", *metric_sentence(worst.name), f" ({change(worst.change)})")
        more = marked(counts_summary(failed[0]), requests_of(verdict))
        return (*metric_sentence(failed[0].name), ": ", *more, *slower)
    if worst is None:
        return less_carried(verdict) or _together(verdict) or _more_events(verdict)
    subject: Sentence = (*metric_sentence(worst.name), " is ")
    if title := kind_of(worst.stage).title:
        subject = (f"{title} (", Name(worst.name), ") is ")
    return (
        *subject,
        _slower(worst),
        *_where(verdict, worst),
        *_also(verdict, worst),
    )


def _together(verdict: Verdict) -> Sentence:
    """What speaks most for a regression that no metric shows alone; empty for any other."""
    found = most_evidence(verdict)
    if not found:
        return ()
    first, *others = found
    words: list[str] = []
    for metric in others[:MAX_ALSO]:
        words += [", " if words else "; also ", *metric_sentence(metric.name)]
        words.append(f" ({change(metric.change)})")
    return (
        "slower by all metrics together, none alone shows it: most evidence is that of ",
        *metric_sentence(first.name),
        f" ({change(first.change)})",
        *_where(verdict, first),
        *words,
    )


def _also(verdict: Verdict, worst: MetricVerdict) -> Sentence:
    """What else is slower, more or above its limit; only the first few of each kind."""
    also: list[str] = []
    others = others_of(verdict, worst)
    for metric in others[:MAX_ALSO]:
        also += [", " if also else "; also ", *metric_sentence(metric.name)]
        also.append(f" ({change(metric.change)})")
    also.append(_more(len(others), " and {} more"))
    incomplete = [metric for metric in verdict.metrics if is_incomplete(metric)]
    for metric in incomplete:
        if not metric.request:
            also += ["; ", Name(metric.name), incomplete_text(metric)]
    if number := sum(bool(metric.request) for metric in incomplete):
        also.append(f"; {plural(number, 'metric')} by request slower, evidence incomplete")
    above = [limit for limit in verdict.limits if limit.verdict is Outcome.REGRESSION]
    for limit in above[:MAX_ALSO]:
        also += ["; also ", *metric_sentence(limit.name)]
        also.append(f" above its limit of {value_text(limit.limit_ns, limit.stage)}")
    also.append(_more(len(above), "; {} more above their limits"))
    if less_carried(verdict):
        also += ["; also ", *less_carried(verdict)]
    if verdict.spikes and verdict.spikes.failed:
        also += [f"; also {spikes_summary(verdict.spikes)}", *_answering(verdict.spikes)]
    also += _of_watch(verdict)
    return tuple(filter(None, also))


def _more(number: int, text: str) -> str:
    """How many are not named; empty when all are."""
    return text.format(number - MAX_ALSO) if number > MAX_ALSO else ""


def _more_events(verdict: Verdict) -> Sentence:
    """More spikes, else what the watch shows; the others of these after it."""
    spikes = _more_spikes(verdict.spikes)
    if spikes:
        return (*spikes, *_of_watch(verdict))
    stops, grows = stops_sentence(verdict.stops), growth_sentence(verdict.growth)
    if stops:
        return (*stops, f"; also {grows}" if grows else "")
    return tuple(filter(None, (grows,)))


def _of_watch(verdict: Verdict) -> list[str]:
    """More stops and what grows, after what else failed; empty without either."""
    stops, grows = stops_sentence(verdict.stops), growth_sentence(verdict.growth)
    also: list[str] = ["; also ", *stops] if stops else []
    return [*also, f"; also {grows}"] if grows else also


def _more_spikes(spikes: SpikeVerdict | None) -> Sentence:
    if spikes is None or not spikes.failed:
        return ()
    where = (", most of their time in ", Name(spikes.stage)) if spikes.stage else ()
    return (spikes_summary(spikes), *_answering(spikes), *where)


def _answering(spikes: SpikeVerdict) -> Sentence:
    """Which request most of them responded to; empty where none stands out."""
    return (", most of them of ", Name(spikes.request)) if spikes.request else ()


def _where(verdict: Verdict, metric: MetricVerdict) -> Sentence:
    """Which stage carries the change, if one does, and whom it waits for."""
    found = carrier(verdict, metric)
    if found is None or found.stage is None:
        return ()
    stage = found.stage
    within: Sentence = ()
    if stage == UPLOAD:
        return (", mostly in ", Name(UPLOAD), ", the time in which requests came in")
    if stage in (DEPEND, INTERNAL):
        stage = max(found.shares, key=lambda share: share.share).stage
        within = _waited_for(found)
    part = next((s.share for s in found.shares if s.stage == stage), math.nan)
    amount = "almost all" if part >= 0.9 else "most" if part >= 0.5 else "the largest part"
    return (f", {amount} of it in ", Name(stage), *within)


def _waited_for(found: Attribution) -> Sentence:
    if found.stage == DEPEND:
        return (", which waits for dependencies (", Name(DEPEND), ")")
    port = ("port ", Name(found.port), " inside the container")
    return (", which waits for ", *port, " (", Name(INTERNAL), ")")


def _slower(metric: MetricVerdict) -> str:
    if math.isnan(metric.change):
        return "above its tolerance" if metric.quantile is None else "slower than its tolerance"
    size, kind = change(abs(metric.change)).lstrip("+"), kind_of(metric.stage)
    word = kind.worse if metric.change >= 0 else kind.better
    return f"{size} {word}{bounds_text(metric, plus=False)}"
