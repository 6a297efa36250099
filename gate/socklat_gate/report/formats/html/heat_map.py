"""Latency over time: a column for each pair, upwards the latency, colours by share of exchanges.

Cells are quarters of an octave, which are whole runs of histogram buckets, so their counts are
exact.  All exchanges are shown, stalls included: that is what the map is for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import Histogram, band_edges_ns
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import latency_stage
from socklat_gate.report.arm_runs import Column
from socklat_gate.report.formats.html.marks import Mark, marks_of
from socklat_gate.wording import units
from socklat_gate.wording.notes import note_text

__all__ = ["COLUMN", "SHARES", "HeatMap", "Panel", "heat_document", "heat_map"]

SHARES = (0.0, 3e-4, 1e-3, 5e-3, 2e-2, 5e-2, 1e-1)
"""Least share of a run's exchanges for each colour, 1 being the first."""
COLUMN = 10
"""Width of a column in the drawing's own unit; the page stretches it."""
OCTAVE = 20
"""Height of a doubling of the latency in pixels, unless that makes it higher than `HIGHEST`."""
HIGHEST = 260
BANDS_A_CELL = 2
QUANTILES = (0.5, 0.99)

Counts = npt.NDArray[np.int64]
Place = Callable[[float], float]
"""Pixels from the top for a latency in ns."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One arm: an SVG path for every colour and for each quantile's line, and its marks."""

    arm: str
    paths: tuple[str, ...]
    lines: tuple[str, ...]
    marks: tuple[Mark, ...]
    unmarked: int


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Panels of ``height`` pixels; ``ticks`` are positions from the top with their latency.

    ``columns`` have a number, and why they were excluded or ""; ``stalled``, ``interference`` are
    shares of the CPUs' time by column, None where not measured; ``rows`` are the data as text.
    """

    height: int
    panels: tuple[Panel, ...]
    ticks: tuple[tuple[float, str], ...]
    columns: tuple[tuple[int, str], ...]
    stalled: tuple[float | None, ...]
    interference: tuple[float | None, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    edges_ns: tuple[int, ...]
    counts: tuple[Counts, ...]


def heat_map(
    labels: Sequence[str], columns: Sequence[Column], rare_ns: float = math.inf
) -> HeatMap | None:
    """None when no run has an exchange; spikes of at least ``rare_ns`` are marked as rare ones."""
    found = [[_whole(column.runs[arm]) for column in columns] for arm in range(len(labels))]
    whole = Histogram.merged(one for arm in found for one in arm)
    if not whole.total:
        return None
    first, last = _used_bands(whole)
    edges = band_edges_ns()[first : last + 1 : BANDS_A_CELL]
    # shape (columns, cells) by arm
    counts = tuple(
        np.array([_cells(one, first, last) for one in arm], dtype=np.int64) for arm in found
    )
    low, high = (math.log2(max(1, int(edge))) for edge in (edges[0], edges[-1]))
    height = round(min(HIGHEST, max(80.0, OCTAVE * (high - low))))

    def place(value_ns: float) -> float:
        down = (high - math.log2(max(1.0, value_ns))) / (high - low)
        return round(height * min(1.0, max(0.0, down)), 1)

    panels = []
    for arm, label in enumerate(labels):
        marks, unmarked = marks_of(arm, columns, place, rare_ns)
        lines = tuple(_line(found[arm], q, place) for q in QUANTILES)
        panels.append(Panel(label, _paths(counts[arm], edges, place), lines, marks, unmarked))
    noises = [column.noise for column in columns]
    return HeatMap(
        height=height,
        panels=tuple(panels),
        ticks=tuple((place(value), units.ns(value)) for value in _ticks(2.0**low, 2.0**high)),
        columns=tuple((column.number, note_text(column.excluded)) for column in columns),
        stalled=tuple(_rounded_share(noise.stalled) if noise else None for noise in noises),
        interference=tuple(
            _rounded_share(noise.interference) if noise else None for noise in noises
        ),
        head=_head(labels),
        rows=tuple(_row(column, [arm[at] for arm in found]) for at, column in enumerate(columns)),
        edges_ns=tuple(int(edge) for edge in edges),
        counts=counts,
    )


def heat_document(heat: HeatMap) -> dict[str, Any]:
    """Counts and marks for the page's script, which shows what lies under the pointer."""
    return {
        "edges": heat.edges_ns,
        "height": heat.height,
        "columns": [number for number, _ in heat.columns],
        "aside": [bool(why) for _, why in heat.columns],
        "arms": [
            {
                "name": panel.arm,
                "counts": counts.tolist(),
                "marks": [[m.at, m.top, m.column, m.text] for m in panel.marks],
            }
            for panel, counts in zip(heat.panels, heat.counts, strict=True)
        ],
    }


def _whole(run: Run) -> Histogram:
    return run.histograms.get(latency_stage([run])) or Histogram.empty()


def _used_bands(histogram: Histogram) -> tuple[int, int]:
    """First and last band, rounded outwards to whole cells."""
    used = np.flatnonzero(histogram.per_band())
    first = int(used[0]) // BANDS_A_CELL * BANDS_A_CELL
    last = (int(used[-1]) // BANDS_A_CELL + 1) * BANDS_A_CELL
    return first, last


def _cells(histogram: Histogram, first: int, last: int) -> Counts:
    bands = histogram.per_band()[first:last].astype(np.int64)
    return np.asarray(bands.reshape(-1, BANDS_A_CELL).sum(axis=1))


def _paths(counts: Counts, edges: Counts, place: Place) -> tuple[str, ...]:
    """A rectangle for each cell that is not empty, those of one colour in one path."""
    totals = np.maximum(1, counts.sum(axis=1, keepdims=True))
    colour = np.searchsorted(SHARES, counts / totals, side="right")
    tops = [place(float(edge)) for edge in edges]
    drawn: list[list[str]] = [[] for _ in SHARES]
    for column, cell in np.argwhere(counts > 0):
        top, bottom = tops[cell + 1], tops[cell]
        # Half a pixel more, so that no gap shows between neighbours.
        drawn[colour[column, cell] - 1].append(
            f"M{COLUMN * column} {top:g}h{COLUMN}v{bottom - top + 0.5:.3g}h-{COLUMN}z"
        )
    return tuple("".join(one) for one in drawn)


def _line(histograms: Sequence[Histogram], quantile: float, place: Place) -> str:
    known = [(at, one.quantile_ns(quantile)) for at, one in enumerate(histograms) if one.total]
    return "".join(f"M{COLUMN * at} {place(value):g}h{COLUMN}" for at, value in known)


def _ticks(low_ns: float, high_ns: float) -> list[float]:
    """Decades; with 2 and 5 between them where there are few."""
    decades = range(math.floor(math.log10(max(1.0, low_ns))), math.ceil(math.log10(high_ns)) + 1)
    steps = (1, 2, 5) if len(decades) <= 3 else (1,)
    found = [float(step * 10**decade) for decade in decades for step in steps]
    return [value for value in found if low_ns <= value <= high_ns]


def _rounded_share(share: float | None) -> float | None:
    """What a bar can show; None for what is not known."""
    return None if share is None or math.isnan(share) else min(1.0, max(0.0, share))


def _head(labels: Sequence[str]) -> tuple[str, ...]:
    names = [f"{label} {name}" for label in labels for name in ("p50", "p99", "max", "slow")]
    return ("run", *names, "stalled", "interference", "excluded")


def _row(column: Column, histograms: Sequence[Histogram]) -> tuple[str, ...]:
    cells: list[str] = []
    for run, one in zip(column.runs, histograms, strict=True):
        p50, p99 = one.quantiles_ns(QUANTILES)
        highest = units.ns(float(one.max_ns())) if one.total else units.NOT_AVAILABLE
        cells += [units.ns(p50), units.ns(p99), highest, units.count(len(run.spikes))]
    noise = column.noise
    shares = (noise.stalled, noise.interference) if noise else (None, None)
    texts = (units.NOT_AVAILABLE if share is None else units.share(share) for share in shares)
    return (str(column.number), *cells, *texts, note_text(column.excluded))
