"""The headline of a pass: what improved, what is within its limits, and the largest change."""

from __future__ import annotations

import math

from socklat_gate.measured.verdict import MetricVerdict, Verdict
from socklat_gate.wording.carried_text import same_carried
from socklat_gate.wording.change_text import change_text, pairs_text
from socklat_gate.wording.container_metrics import value_text
from socklat_gate.wording.decisive import improved
from socklat_gate.wording.growth_text import GROWN, waived_text
from socklat_gate.wording.metric_names import metric_sentence
from socklat_gate.wording.sentence import Sentence
from socklat_gate.wording.units import change

__all__ = ["pass_sentence"]

MAX_IMPROVED = 3
MAX_LIMITS = 5


def pass_sentence(verdict: Verdict) -> Sentence:
    """``improved: response_p50 -73.0%; all 4 metrics are below ...; largest change: ...``."""
    number = len(verdict.metrics) + (verdict.capacity is not None)
    within = (
        "the metric is below its regression threshold"
        if number == 1
        else f"all {number} metrics are below their regression thresholds"
    )
    after = (
        f" after {pairs_text(verdict.pairs, containers=verdict.containers)}"
        if verdict.pairs
        else ""
    )
    return (
        *_improvements(verdict),
        f"{within}{after}",
        *_largest(verdict),
        *_limits(verdict),
        *same_carried(verdict),
        *_waived(verdict),
    )


def _improvements(verdict: Verdict) -> Sentence:
    found = improved(verdict)
    words: list[str] = []
    for metric in found[:MAX_IMPROVED]:
        words += [", " if words else "improved: ", *metric_sentence(metric.name)]
        words.append(f" {change(metric.change)}")
    more = f" and {len(found) - MAX_IMPROVED} more" if len(found) > MAX_IMPROVED else ""
    return (*words, f"{more}; ") if words else ()


def _largest(verdict: Verdict) -> Sentence:
    """The largest change of those that are not said to be improved, and the largest increase."""
    told = {metric.name for metric in improved(verdict)}
    others = [metric for metric in verdict.metrics if metric.name not in told]
    if not others:
        return ()
    largest = max(others, key=_size)
    words: Sentence = (
        "; largest change: ",
        *metric_sentence(largest.name),
        f" {change_text(largest)}",
    )
    increases = [metric for metric in others if metric.change > 0]
    if largest.change < 0 and increases:
        most = max(increases, key=_size)
        words = (
            *words,
            ", largest increase: ",
            *metric_sentence(most.name),
            f" {change_text(most)}",
        )
    return words


def _size(metric: MetricVerdict) -> float:
    """On the log scale, where half and double are alike; a change that is not known is none."""
    if math.isnan(metric.change):
        return -math.inf
    return abs(math.log1p(metric.change)) if metric.change > -1 else math.inf


def _limits(verdict: Verdict) -> Sentence:
    words: list[str] = []
    for limit in verdict.limits[:MAX_LIMITS]:
        words += [", " if words else "; below its limit: ", *metric_sentence(limit.name)]
        values = (value_text(value, limit.stage) for value in (limit.candidate_ns, limit.limit_ns))
        words.append(f" {' of '.join(values)}")
    more = len(verdict.limits) - MAX_LIMITS
    return (*words, f" and {more} more") if more > 0 else tuple(words)


def _waived(verdict: Verdict) -> Sentence:
    words: list[str] = []
    for metric in verdict.metrics:
        if metric.waived:
            words += [", " if words else "; waived: ", *metric_sentence(metric.name)]
            words.append(f" up to {change(metric.waived.ceiling)}")
    for grown in verdict.growth:
        if grown.waived:
            words.append(", " if words else "; waived: ")
            words.append(f"growth of {GROWN[grown.what]} up to {waived_text(grown.waived)}")
    return tuple(words)
