"""What A/A pairs show that they should not: false alarms, arms that differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from socklat_gate.errors import Reason
from socklat_gate.measured.calibration import MetricFindings
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.verdict import MetricVerdict, SpikeVerdict, Verdict

__all__ = ["biases_of", "problems_of"]

SUSPICIOUS_P = 0.01
"""The arms differ when some p-value is below this over the number of metrics."""
FAILED = (Reason.REGRESSION, Reason.REGRESSION_TOGETHER)
CHANGE = ("change", "ci_low", "ci_high", "tolerance")


def problems_of(verdict: Verdict) -> list[Note]:
    """What the pairs in the order measured show beside being decided or not."""
    metrics = {metric.name: metric for metric in verdict.metrics}
    found: list[Note] = []
    for fact in verdict.reasons:
        # Of a failure that none is named by, the metric with most evidence stands for all.
        metric = metrics.get(fact.subject.partition(", ")[0])
        if fact.code is Reason.OVERLAPPING_REQUESTS:
            found.append(Note(NoteCode.OVERLAPPING_REQUESTS, fact.subject, fact.numbers))
        elif fact.code is Reason.INSUFFICIENT_EXPOSURE:
            found.append(Note(NoteCode.INSUFFICIENT_EXPOSURE, numbers=fact.numbers))
        elif fact.code is Reason.MORE_SPIKES and verdict.spikes:
            found.append(_more_spikes(verdict.spikes))
        elif fact.code in FAILED and metric:
            numbers = {name: getattr(metric, name) for name in CHANGE}
            found.append(Note(NoteCode.FALSE_ALARM, metric.name, _finite(numbers)))
        elif metric and metric.shortfalls:
            found.append(_not_judged(metric))
    return found


def _more_spikes(spikes: SpikeVerdict) -> Note:
    numbers = {
        "events": spikes.candidate_events,
        "threshold_ns": spikes.threshold_ns,
        "exposure_s": spikes.candidate_exposure_s,
        "reference_events": spikes.baseline_events,
        "reference_exposure_s": spikes.baseline_exposure_s,
    }
    return Note(NoteCode.MORE_SPIKES, numbers=numbers)


def _not_judged(metric: MetricVerdict) -> Note:
    """The first shortfall stands for all: they are alike."""
    first = metric.shortfalls[0]
    numbers = {
        "lack": first.lack.value,
        "pair": first.pair,
        "arm": first.arm,
        "exceeding": first.exceeding,
        "exchanges": first.exchanges,
        "needed": first.needed,
        "stage": metric.stage,
        "quantile": metric.quantile,
        "more": len(metric.shortfalls) - 1,
    }
    return Note(NoteCode.NOT_JUDGED, metric.name, numbers)


def biases_of(metrics: Sequence[MetricFindings]) -> list[Note]:
    """Metrics by which the two arms differ more than chance allows."""
    return [
        Note(NoteCode.ARMS_DIFFER, metric.name, {"change": metric.change, "p": metric.change_p})
        for metric in metrics
        if metric.change_p < SUSPICIOUS_P / len(metrics)
    ]


def _finite(numbers: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}
