"""What stall correction did: how much it rests on, and raw numbers beside corrected ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.verdict import MetricVerdict
from socklat_gate.report.arm_runs import ShownRuns
from socklat_gate.report.raw_numbers import correction_of, correction_text
from socklat_gate.wording import units
from socklat_gate.wording.container_metrics import value_text

__all__ = ["RawRow", "StallCorrection", "stall_correction_section"]


@dataclass(frozen=True, slots=True)
class RawRow:
    """One gated quantile, corrected for stalls and raw."""

    name: str
    baseline: str
    raw_baseline: str
    candidate: str
    raw_candidate: str
    change: str
    raw_change: str


@dataclass(frozen=True, slots=True)
class StallCorrection:
    """A sentence or two; ``rows`` of gated quantiles are empty when nothing was corrected."""

    text: str
    rows: tuple[RawRow, ...]


def stall_correction_section(
    runs: ShownRuns, metrics: Sequence[MetricVerdict] = ()
) -> StallCorrection | None:
    """None when no run was judged."""
    correction = correction_of(runs)
    if correction is None:
        return None
    return StallCorrection(correction_text(correction), _rows(metrics))


def _rows(metrics: Sequence[MetricVerdict]) -> tuple[RawRow, ...]:
    """A row for every gated quantile that was corrected."""
    return tuple(
        RawRow(
            metric.name,
            value_text(metric.baseline_ns, metric.stage),
            value_text(metric.raw_baseline_ns, metric.stage),
            value_text(metric.candidate_ns, metric.stage),
            value_text(metric.raw_candidate_ns, metric.stage),
            units.change(metric.change),
            units.change(metric.raw_change),
        )
        for metric in metrics
        if math.isfinite(metric.raw_candidate_ns)
    )
