"""Evidence after each pair, as the verdict has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from socklat_gate.measured.verdict import MetricVerdict, Verdict
from socklat_gate.wording import units

__all__ = ["DrawnTrace", "evidence_document", "evidence_traces"]

LEAST = 1e-3
BEYOND = 1e3
"""Drawn evidence stays between `LEAST` and this multiple of its threshold."""


@dataclass(frozen=True, slots=True)
class DrawnTrace:
    """One metric: a value for each observation (a pair, or a start of the containers) in order.

    ``labels`` are the numbers of their last pairs; ``fail`` and ``passed`` e-values; ``rows`` the
    same as text.
    """

    name: str
    labels: tuple[int, ...]
    changes: tuple[float, ...]
    fail: tuple[float, ...]
    passed: tuple[float, ...]
    threshold_fail: float
    threshold_pass: float
    rows: tuple[tuple[str, str, str, str], ...]


def evidence_traces(verdict: Verdict) -> tuple[DrawnTrace, ...]:
    """Every metric whose evidence is known step by step, in order."""
    return tuple(_drawn_trace(metric) for metric in verdict.metrics if _drawable(metric))


def evidence_document(traces: Sequence[DrawnTrace]) -> dict[str, Any]:
    """The same for the page's script."""
    return {
        "metrics": [
            {
                "name": trace.name,
                "labels": trace.labels,
                "changes": [float(f"{value:.4g}") for value in trace.changes],
                "fail": [_clamp(value, trace.threshold_fail) for value in trace.fail],
                "pass": [_clamp(value, trace.threshold_pass) for value in trace.passed],
                "threshold_fail": trace.threshold_fail,
                "threshold_pass": trace.threshold_pass,
                "rows": trace.rows,
            }
            for trace in traces
        ]
    }


def _drawn_trace(metric: MetricVerdict) -> DrawnTrace:
    trace = metric.trace
    rows = tuple(
        (str(label), units.change(change), units.evidence(fail), units.evidence(passing))
        for label, change, fail, passing in zip(
            trace.pairs, trace.change, trace.fail, trace.passing, strict=True
        )
    )
    return DrawnTrace(
        metric.name,
        trace.pairs,
        trace.change,
        trace.fail,
        trace.passing,
        metric.threshold_fail,
        metric.threshold_pass,
        rows,
    )


def _drawable(metric: MetricVerdict) -> bool:
    """Stored numbers are what somebody wrote: logarithms are taken of these."""
    thresholds = (metric.threshold_fail, metric.threshold_pass)
    positive = all(math.isfinite(value) and value > 0 for value in thresholds)
    numbers = (*metric.trace.change, *metric.trace.fail, *metric.trace.passing)
    return positive and bool(metric.trace.pairs) and all(map(math.isfinite, numbers))


def _clamp(value: float, threshold: float) -> float:
    return float(f"{min(max(value, LEAST), BEYOND * threshold):.4g}")
