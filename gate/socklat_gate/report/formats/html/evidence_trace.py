"""Evidence after each pair, recomputed from the stored pairs as the verdict computes it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from socklat_gate.measured.campaign import Pair
from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import MetricVerdict
from socklat_gate.verdict.clusters import cluster_ids, cluster_means
from socklat_gate.verdict.evidence import (
    as_e_value,
    running_fail_evidence_of_both,
    running_pass_evidence,
)
from socklat_gate.verdict.log_ratios import pair_log_ratios
from socklat_gate.wording import units
from socklat_gate.wording.changes import relative

__all__ = ["EvidenceTrace", "evidence_document", "evidence_traces"]

LEAST = 1e-3
BEYOND = 1e3
"""Drawn evidence stays between `LEAST` and this multiple of what is needed: no more is told."""
AGREES = 1e-6
CPU = "cpu"


@dataclass(frozen=True, slots=True)
class EvidenceTrace:
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


def evidence_traces(result: Result) -> tuple[EvidenceTrace, ...]:
    """Every metric whose recomputed evidence ends at the verdict's own.

    The scale is the width of the metric's zone, as by default; a verdict that was reached with
    another one is not redrawn, rather than redrawn wrongly.
    """
    pairs = [pair for pair in result.pairs if not pair.excluded]
    metrics = result.verdict.metrics if result.verdict and pairs else ()
    found = (_trace(pairs, metric) for metric in metrics)
    return tuple(trace for trace in found if trace is not None)


def evidence_document(traces: Sequence[EvidenceTrace]) -> dict[str, Any]:
    """The same for the page's script."""
    return {
        "metrics": [
            {
                "name": trace.name,
                "labels": trace.labels,
                "changes": [float(f"{value:.4g}") for value in trace.changes],
                "fail": [_drawn(value, trace.threshold_fail) for value in trace.fail],
                "pass": [_drawn(value, trace.threshold_pass) for value in trace.passed],
                "threshold_fail": trace.threshold_fail,
                "threshold_pass": trace.threshold_pass,
                "rows": trace.rows,
            }
            for trace in traces
        ]
    }


def _trace(pairs: Sequence[Pair], metric: MetricVerdict) -> EvidenceTrace | None:
    if not _drawable(metric):
        return None
    scale = math.log1p(metric.regression_threshold) - math.log1p(metric.tolerance)
    stage = CPU if metric.quantile is None else metric.stage
    ratios = pair_log_ratios(pairs, stage, metric.quantile)
    if not ratios.usable.any():
        return None
    of_unit = cluster_ids(pairs)
    corrected, raw = (np.full(len(pairs), np.nan) for _ in range(2))
    corrected[ratios.usable], raw[ratios.usable] = ratios.log_ratios, ratios.raw
    d = cluster_means(corrected, of_unit)
    log_fail = running_fail_evidence_of_both(
        d, cluster_means(raw, of_unit), math.log1p(metric.tolerance), scale
    )
    log_pass = running_pass_evidence(d, math.log1p(metric.regression_threshold), scale)
    for logs, stored in ((log_fail, metric.evidence_fail), (log_pass, metric.evidence_pass)):
        reached = max(0.0, float(logs.max()))
        if not math.isclose(reached, math.log(stored), rel_tol=AGREES, abs_tol=AGREES):
            return None
    last = {int(unit): pair.index for unit, pair in zip(of_unit, pairs, strict=True)}
    used = sorted({int(unit) for unit in of_unit[ratios.usable]})
    labels = tuple(last[unit] for unit in used)
    changes = tuple(relative(float(value)) for value in d)
    fail, passed = (tuple(as_e_value(float(v)) for v in logs) for logs in (log_fail, log_pass))
    rows = tuple(
        (str(label), units.change(change), units.evidence(f), units.evidence(p))
        for label, change, f, p in zip(labels, changes, fail, passed, strict=True)
    )
    return EvidenceTrace(
        metric.name,
        labels,
        changes,
        fail,
        passed,
        metric.threshold_fail,
        metric.threshold_pass,
        rows,
    )


def _drawable(metric: MetricVerdict) -> bool:
    """Stored numbers are what somebody wrote: logarithms are taken of these."""
    positive = (
        metric.evidence_fail,
        metric.evidence_pass,
        metric.threshold_fail,
        metric.threshold_pass,
        1.0 + metric.tolerance,
        metric.regression_threshold - metric.tolerance,
    )
    return all(math.isfinite(value) and value > 0 for value in positive)


def _drawn(value: float, needed: float) -> float:
    return float(f"{min(max(value, LEAST), BEYOND * needed):.4g}")
