"""What stall correction did: how much it rests on, and raw numbers beside corrected ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Verdict
from socklat_gate.report.raw_numbers import correction_of, correction_text
from socklat_gate.wording import units

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


def stall_correction_section(result: Result) -> StallCorrection | None:
    """None when no run was judged."""
    correction = correction_of(result)
    if correction is None:
        return None
    rows = _rows(result.verdict) if result.verdict else ()
    return StallCorrection(correction_text(correction), rows)


def _rows(verdict: Verdict) -> tuple[RawRow, ...]:
    """A row for every gated quantile that was corrected."""
    return tuple(
        RawRow(
            metric.name,
            units.ns(metric.baseline_ns),
            units.ns(metric.raw_baseline_ns),
            units.ns(metric.candidate_ns),
            units.ns(metric.raw_candidate_ns),
            units.change(metric.change),
            units.change(metric.raw_change),
        )
        for metric in verdict.metrics
        if math.isfinite(metric.raw_candidate_ns)
    )
