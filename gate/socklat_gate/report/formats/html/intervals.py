"""Changes with their intervals and limits on one logarithmic axis: positions in percent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.verdict import MetricVerdict
from socklat_gate.wording import units

__all__ = ["Interval", "IntervalAxis", "interval_axis"]

PAD = 0.06
WIDEST = math.log(100.0)
TICKS = (-0.9, -0.5, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0)
APART = 22.0
"""Ticks are at least this far apart, in percent of the axis."""
EDGE = 3.0


@dataclass(frozen=True, slots=True)
class Interval:
    """One metric; ``at`` is None when its change is not known."""

    low: float
    high: float
    at: float | None
    tolerance: float
    regression_threshold: float


@dataclass(frozen=True, slots=True)
class IntervalAxis:
    """Rows in the order of the metrics, and ticks as position and text."""

    rows: tuple[Interval, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float


def interval_axis(metrics: Sequence[MetricVerdict]) -> IntervalAxis:
    """An axis wide enough for every finite end, within a factor of 100; ends beyond it are cut."""
    found = [
        _log(value)
        for m in metrics
        for value in (m.change, m.ci_low, m.ci_high, m.tolerance, m.regression_threshold)
        if math.isfinite(value)
    ]
    low = max(-WIDEST, min([*found, -0.05]))
    high = min(WIDEST, max([*found, 0.05]))
    pad = PAD * (high - low)
    low, high = low - pad, high + pad

    def place(value: float) -> float:
        if math.isnan(value):
            return 0.0
        log = _log(value) if math.isfinite(value) else math.copysign(math.inf, value)
        return round(100 * min(1.0, max(0.0, (log - low) / (high - low))), 2)

    rows = tuple(
        Interval(
            low=place(m.ci_low),
            high=place(m.ci_high),
            at=None if math.isnan(m.change) else place(m.change),
            tolerance=place(m.tolerance),
            regression_threshold=place(m.regression_threshold),
        )
        for m in metrics
    )
    return IntervalAxis(rows, _ticks(low, high), place(0.0))


def _ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Zero first, then whatever leaves room beside those already there."""
    chosen: list[tuple[float, str]] = []
    for change in sorted(TICKS, key=lambda one: (one != 0, -abs(one))):
        at = 100 * (_log(change) - low) / (high - low)
        if EDGE <= at <= 100 - EDGE and all(abs(at - other) >= APART for other, _ in chosen):
            chosen.append((round(at, 2), "0" if change == 0 else units.change(change)))
    return tuple(sorted(chosen))


def _log(change: float) -> float:
    return math.log1p(max(change, -0.999))
