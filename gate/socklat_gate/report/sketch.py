"""Percentiles of one or two histograms as bars of text, 80 columns at most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.histogram import Histogram
from socklat_gate.report.arm_runs import ShownRuns, merge_stage
from socklat_gate.wording.units import change, ns

__all__ = ["COLUMNS", "ResponseTime", "percentile_sketch", "response_time_section"]

COLUMNS = 80
QUANTILES = (
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.9", 0.999),
)
BAR = 42
EIGHTHS = " ▏▎▍▌▋▊▉"
FULL = "█"


@dataclass(frozen=True, slots=True)
class ResponseTime:
    """Bars of text; ``stalls_included`` where other numbers of the report are corrected."""

    sketch: str
    stalls_included: bool


def response_time_section(shown: ShownRuns) -> ResponseTime | None:
    """None when no arm has an exchange."""
    stage = shown.latency_stage
    sketch = percentile_sketch([(arm, merge_stage(runs, stage)) for arm, runs in shown.arms])
    return ResponseTime(sketch, shown.corrected) if sketch else None


def percentile_sketch(arms: Sequence[tuple[str, Histogram]]) -> str:
    """Lines with one bar per arm and percentile, log scale; empty when no arm has values.

    ``arms`` holds a label of at most 9 characters and a histogram of ns each; with two of them
    the second is compared with the first.
    """
    used = [(label, histogram) for label, histogram in arms if histogram.total]
    if not used:
        return ""
    rows = _rows([histogram for _, histogram in used])
    values = [value for _, arm_values in rows for value in arm_values]
    low, high = _scale(values)
    lines = [_ruler(low, high)]
    for name, arm_values in rows:
        for at, (label, _) in enumerate(used):
            value = arm_values[at]
            note = change(value / arm_values[0] - 1) if at and arm_values[0] > 0 else ""
            bar = _bar(value, low, high)
            line = f"{name if at == 0 else '':<6}{label[:9]:<10}{bar} {ns(value):>8} {note:>8}"
            lines.append(line.rstrip())
    return "\n".join(lines)


def _rows(histograms: list[Histogram]) -> list[tuple[str, list[float]]]:
    rows = [(name, [h.quantile_ns(q) for h in histograms]) for name, q in QUANTILES]
    return [*rows, ("max", [float(h.max_ns()) for h in histograms])]


def _scale(values: Sequence[float]) -> tuple[float, float]:
    """Ends of the scale in ns: the decade, or half of one, below the smallest value; the largest.

    The shortest bar is then visible, and differences are not lost in unused decades.
    """
    smallest = max(min(values), 1.0)
    decade = 10.0 ** math.floor(math.log10(smallest))
    low = next((step * decade for step in (5, 2, 1) if step * decade <= 0.9 * smallest), decade / 2)
    return low, max(*values, 1.1 * low)


def _bar(value: float, low: float, high: float) -> str:
    along = math.log(max(value, low) / low) / math.log(high / low)
    eighths = max(1, round(8 * BAR * along))
    bar = FULL * (eighths // 8) + EIGHTHS[eighths % 8].strip()
    return f"{bar:<{BAR}}"


def _ruler(low: float, high: float) -> str:
    middle = math.sqrt(low * high)
    left, centre, right = ns(low), ns(middle), ns(high)
    half = BAR // 2
    scale = f"{left:<{half}}{centre}"
    return f"{'':<16}{scale:<{BAR - len(right)}}{right}  (log scale)"
