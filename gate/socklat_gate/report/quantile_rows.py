"""Quantiles of every stage of a run without verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run_values import latency_stage
from socklat_gate.report.arm_runs import merge_stage
from socklat_gate.report.stage_rows import stages_not_measured, why_not_measured
from socklat_gate.wording import units

__all__ = ["Measured", "QuantileRow", "measured_section"]


@dataclass(frozen=True, slots=True)
class QuantileRow:
    """One stage."""

    stage: str
    exchanges: str
    p50: str
    p90: str
    p99: str
    p999: str
    highest: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A row for every stage, and the names of those that were not measured.

    ``why_not`` is a reason that is the load's, as a sentence.
    """

    rows: tuple[QuantileRow, ...]
    not_measured: tuple[str, ...]
    why_not: str = ""


def measured_section(campaign: Campaign) -> Measured | None:
    """None when no stage was measured."""
    runs = campaign.runs
    stages = dict.fromkeys(stage for run in runs for stage in run.histograms)
    rows = [_row(stage, histogram := merge_stage(runs, stage), histogram.total) for stage in stages]
    whole = latency_stage(runs)
    known = [run.corrected for run in runs if run.corrected and whole in run.corrected.used]
    if known:
        histogram = Histogram.merged(one.histograms[whole] for one in known)
        used = sum(one.used[whole].total for one in known)
        rows.insert(1, _row(f"{whole}, corrected for stalls", histogram, used))
    if not rows:
        return None
    return Measured(tuple(rows), stages_not_measured(runs), why_not_measured(runs))


def _row(stage: str, histogram: Histogram, exchanges: int) -> QuantileRow:
    p50, p90, p99, p999 = map(units.ns, histogram.quantiles_ns([0.5, 0.9, 0.99, 0.999]))
    highest = units.ns(histogram.max_ns()) if histogram.total else units.ns(math.nan)
    return QuantileRow(stage, units.count(exchanges), p50, p90, p99, p999, highest)
