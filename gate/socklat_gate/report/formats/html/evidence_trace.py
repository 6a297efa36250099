"""Evidence after each pair, as the verdict has it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from socklat_gate.measured.verdict import JointEvidence, MetricVerdict, Verdict
from socklat_gate.report.metric_rows import shown_metrics
from socklat_gate.wording import units

__all__ = ["DrawnTrace", "evidence_document", "evidence_traces"]

LEAST = 1e-3
TOGETHER = "all together"
MAX_TRACES = 20
BEYOND = 1e3
"""Drawn evidence stays between `LEAST` and this multiple of its threshold."""


@dataclass(frozen=True, slots=True)
class DrawnTrace:
    """One metric: a value for each observation (a pair, or a start of the containers) in order.

    ``labels`` are the numbers of their last pairs; ``fail`` and ``passed`` e-values; ``rows`` the
    same as text.  What is judged together has neither changes nor evidence to pass: ``passed`` is
    empty then, ``threshold_pass`` NaN.
    """

    name: str
    labels: tuple[int, ...]
    changes: tuple[float, ...]
    fail: tuple[float, ...]
    passed: tuple[float, ...]
    threshold_fail: float
    threshold_pass: float
    rows: tuple[tuple[str, str, str, str], ...]

    @property
    def fail_rows(self) -> tuple[tuple[str, str], ...]:
        """The observation and the evidence to fail after it."""
        return tuple((row[0], row[2]) for row in self.rows)


def evidence_traces(verdict: Verdict, listed: Collection[str] = ()) -> tuple[DrawnTrace, ...]:
    """All together, then metrics whose evidence is known step by step, at most `MAX_TRACES`.

    Those of all requests and of the ``listed`` ones, in order.
    """
    metrics = [metric for metric in shown_metrics(verdict, listed) if _drawable(metric)]
    traces = [_drawn_trace(metric) for metric in metrics[:MAX_TRACES]]
    return (*_together(verdict.together), *traces)


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
                "threshold_pass": trace.threshold_pass if trace.passed else None,
                "rows": trace.rows,
            }
            for trace in traces
        ]
    }


def _together(joint: JointEvidence | None) -> Iterator[DrawnTrace]:
    """Nothing where it is not known, or nothing that has a logarithm."""
    if joint is None or not joint.pairs or not (0 < joint.threshold < math.inf):
        return
    if not all(map(math.isfinite, joint.trace)) or len(joint.trace) != len(joint.pairs):
        return
    rows = tuple(
        (str(label), "", units.evidence(fail), "")
        for label, fail in zip(joint.pairs, joint.trace, strict=True)
    )
    yield DrawnTrace(TOGETHER, joint.pairs, (), joint.trace, (), joint.threshold, math.nan, rows)


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
