"""What a comparison with stored numbers can find at all: the beginning of its headline."""

from __future__ import annotations

import math

from socklat_gate.measured.verdict import MetricVerdict, Verdict
from socklat_gate.wording.metric_names import metric_sentence
from socklat_gate.wording.sentence import Sentence
from socklat_gate.wording.units import change

__all__ = ["detects_sentence"]


def detects_sentence(verdict: Verdict) -> Sentence:
    """``detects changes from +52.0% on (response_p50; response_p99 from +80.0% on): ``.

    Of the metrics the one of which the smallest change fails, and the one where it is largest.
    Empty where something was measured side by side: what that finds depends on the budget.
    """
    stored = [metric for metric in verdict.metrics if math.isnan(metric.evidence_fail)]
    if not stored or len(stored) < len(verdict.metrics) or verdict.pairs:
        return ()
    known = [metric for metric in stored if math.isfinite(metric.mde)]
    if not known:
        return ("detects no change, however large: ",)
    least, most = min(known, key=_mde), max(stored, key=_mde)
    words: Sentence = (
        f"detects changes from {change(least.mde)} on (",
        *metric_sentence(least.name),
    )
    if most.mde != least.mde:
        beyond = f" from {change(most.mde)} on" if math.isfinite(most.mde) else ": none"
        words = (*words, "; ", *metric_sentence(most.name), beyond)
    return (*words, "): ")


def _mde(metric: MetricVerdict) -> float:
    return math.inf if math.isnan(metric.mde) else metric.mde
