"""Percentile curves: every stage of every arm on an axis that stretches the tail.

The axis is x = -log10(1 - q): 0 is the quickest exchange, 1 is p90, 2 p99, 3 p99.9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Run
from socklat_gate.report.arm_runs import Arms
from socklat_gate.verdict.arrays import Floats
from socklat_gate.wording import units

__all__ = [
    "STEP",
    "TABLE_QUANTILES",
    "Curve",
    "CurveSet",
    "Drawn",
    "curve_document",
    "curve_sets",
    "stage_curves",
]

STEP = 0.05
LAST = 5.0
LEAST_BEYOND = 5
"""The curve ends where fewer exchanges than this lie beyond it."""
TABLE_QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999)


@dataclass(frozen=True, slots=True)
class Curve:
    """One arm: quantiles of all its exchanges, and the lowest and highest of single runs, in ns.

    Shape (points,) each, at x = 0, the set's step, ...; None where the smallest run has nothing
    beyond.  ``low_ns`` and ``high_ns`` are empty where they are not drawn.
    """

    at_ns: tuple[float | None, ...]
    low_ns: tuple[float | None, ...]
    high_ns: tuple[float | None, ...]
    exchanges: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a set is drawn: of the named ``request`` ("": all), how fine, and with single runs."""

    request: str = ""
    step: float = STEP
    bands: bool = True


WHOLE = Drawn()


@dataclass(frozen=True, slots=True)
class CurveSet:
    """One stage with all arms; ``table`` has a name, a text for each arm and the ratio's."""

    stage: str
    numbers: str
    curves: tuple[Curve, ...]
    table: tuple[tuple[str, ...], ...]
    drawn: Drawn = WHOLE


def curve_sets(arms: Arms) -> tuple[CurveSet, ...]:
    """All stages that every arm has exchanges of: corrected where every run was, and raw."""
    stages = dict.fromkeys(stage for _, runs in arms for run in runs for stage in run.histograms)
    return tuple(found for stage in stages for found in stage_curves(arms, stage))


def curve_document(arms: Arms, sets: Sequence[CurveSet]) -> dict[str, Any]:
    """The same for the page's script."""
    return {
        "arms": [label for label, _ in arms],
        "sets": [
            {
                "request": one.drawn.request,
                "stage": one.stage,
                "step": one.drawn.step,
                "numbers": one.numbers,
                "curves": [
                    {"at": c.at_ns, "low": c.low_ns, "high": c.high_ns, "exchanges": c.exchanges}
                    for c in one.curves
                ],
                "table": one.table,
            }
            for one in sets
        ],
    }


def stage_curves(arms: Arms, stage: str, drawn: Drawn = WHOLE) -> Iterator[CurveSet]:
    """Of one stage that every arm has exchanges of: corrected where every run was, then raw."""
    for numbers in ("corrected", "raw"):
        found = [_histograms(runs, stage, numbers) for _, runs in arms]
        if all(one and sum(total for _, total in one) for one in found):
            yield CurveSet(stage, numbers, *_drawing(found, drawn), drawn)


def _histograms(runs: Sequence[Run], stage: str, numbers: str) -> list[tuple[Histogram, int]]:
    """Distribution and exchanges of each run that has any; none when a run was not corrected."""
    if numbers == "raw":
        found = [run.histograms[stage] for run in runs if stage in run.histograms]
        return [(histogram, histogram.total) for histogram in found if histogram.total]
    known = [run.corrected for run in runs if run.corrected and stage in run.corrected.histograms]
    if len(known) < len(runs):
        return []
    return [
        (one.histograms[stage], one.used[stage].total) for one in known if one.used[stage].total
    ]


def _drawing(
    arms: Sequence[Sequence[tuple[Histogram, int]]], drawn: Drawn
) -> tuple[tuple[Curve, ...], tuple[tuple[str, ...], ...]]:
    merged = [Histogram.merged(histogram for histogram, _ in runs) for runs in arms]
    totals = [sum(total for _, total in runs) for runs in arms]
    last = min(LAST, math.log10(max(10.0 * LEAST_BEYOND, min(totals)) / LEAST_BEYOND))
    x = drawn.step * np.arange(math.floor(last / drawn.step) + 1)
    shares = 1.0 - 10.0**-x
    curves = []
    for runs, histogram, total in zip(arms, merged, totals, strict=True):
        each = np.array([histogram.quantiles_ns(shares) for histogram, _ in runs])
        known = 10.0**-x * min(number for _, number in runs) >= 1.0
        low, high = (np.where(known, ends, np.nan) for ends in (each.min(axis=0), each.max(axis=0)))
        at = histogram.quantiles_ns(shares)
        ends = (_short(low), _short(high)) if drawn.bands else ((), ())
        curves.append(Curve(_short(at), *ends, total))
    named = [q for q in TABLE_QUANTILES if (1.0 - q) * min(totals) >= LEAST_BEYOND * 0.999]
    at_named = np.array([one.quantiles_ns(named) for one in merged]).T.tolist()
    rows = [_row(f"p{100 * q:g}", values) for q, values in zip(named, at_named, strict=True)]
    return tuple(curves), (*rows, _row("max", [float(one.max_ns()) for one in merged]))


def _row(name: str, values_ns: Sequence[float]) -> tuple[str, ...]:
    first, last = values_ns[0], values_ns[-1]
    ratio = [f"{last / first:.3g}" if first > 0 else units.NOT_AVAILABLE] if values_ns[1:] else []
    return (name, *map(units.ns, values_ns), *ratio)


def _short(values_ns: Floats) -> tuple[float | None, ...]:
    """Four significant digits are more than a pixel shows."""
    return tuple(None if math.isnan(v) else _number(float(f"{v:.4g}")) for v in values_ns.tolist())


def _number(value: float) -> float:
    return int(value) if value.is_integer() else value
