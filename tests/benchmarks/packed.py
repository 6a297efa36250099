"""Runs as text that xz compresses well: counts in the clear, and only what is not implied.

The codec's HDR text is compressed and base64 inside, which costs a recorded set twice the bytes.
Here a histogram is ``~3 5 ~12 7``: counts, with ``~n`` for n empty buckets.  What the correction
did and what the bands hold is written as the difference from what the histograms already say; all
of it is exact, in integers that wrap at 64 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from socklat_gate.documents.codec import JSON
from socklat_gate.measured.histogram import (
    BAND_COUNT,
    BUCKETS,
    Histogram,
    band_edges_ns,
    bucket_edges_ns,
)
from socklat_gate.measured.run import WEIGHT_UNIT, Bands, Run, StallCorrected

__all__ = ["filled", "hollow", "packed"]

Ints = npt.NDArray[np.int64]

SERVICE_PARTS = ("recv_wait", "app")


def hollow(run: Run) -> Run:
    """The run without what `packed` holds, in a form that the codec accepts."""
    nothing = Histogram.empty()
    return replace(
        run,
        histograms={"service": nothing},
        bands=_no_bands(),
        load=replace(run.load, client=nothing),
        corrected=None,
    )


def packed(run: Run) -> JSON:
    """The histograms and bands of a run; `filled` puts them back into a hollow one."""
    body = {
        "client": _text(_ints(run.load.client)),
        "histograms": {name: _text(_ints(h)) for name, h in run.histograms.items()},
        "bands": _packed_bands(run.bands, run.histograms),
    }
    corrected = run.corrected
    if corrected is not None:
        used = {name: _ints(h) for name, h in corrected.used.items()}
        body["corrected"] = {
            "logged": corrected.logged,
            "unused": {n: _text(_raw(run.histograms, n) - used[n]) for n in used},
            "weights": {
                n: _text(_ints(h) - WEIGHT_UNIT * used[n]) for n, h in corrected.histograms.items()
            },
            "bands": _packed_bands(corrected.bands, corrected.histograms),
        }
    return body


def filled(run: Run, body: JSON) -> Run:
    """The run that `hollow` and `packed` were made of."""
    histograms = {name: _histogram(_counts(text)) for name, text in body["histograms"].items()}
    return replace(
        run,
        histograms=histograms,
        bands=_bands(body["bands"], histograms),
        load=replace(run.load, client=_histogram(_counts(body["client"]))),
        corrected=_corrected(body["corrected"], histograms) if "corrected" in body else None,
    )


def _corrected(body: JSON, raw: Mapping[str, Histogram]) -> StallCorrected:
    used = {name: _raw(raw, name) - _counts(text) for name, text in body["unused"].items()}
    weighted = {
        name: _histogram(_counts(text) + WEIGHT_UNIT * used[name])
        for name, text in body["weights"].items()
    }
    return StallCorrected(
        histograms=weighted,
        bands=_bands(body["bands"], weighted),
        used={name: _histogram(counts) for name, counts in used.items()},
        logged=body["logged"],
    )


def _text(counts: Ints) -> str:
    """Counts of all buckets as words."""
    at = np.flatnonzero(counts)
    words: list[str] = []
    for empty, count in zip(np.diff(at, prepend=-1) - 1, counts[at], strict=True):
        if empty:
            words.append(f"~{empty}")
        words.append(str(count))
    return " ".join(words)


def _counts(text: str) -> Ints:
    counts = np.zeros(BUCKETS, dtype=np.int64)
    at = 0
    for word in text.split():
        if word[0] == "~":
            at += int(word[1:])
        else:
            counts[at] = int(word)
            at += 1
    return counts


def _packed_bands(bands: Bands, histograms: Mapping[str, Histogram]) -> JSON:
    count, sums_ns = bands.count.astype(np.int64), bands.sums_ns.astype(np.int64)
    table = _less_implied(np.column_stack([count, sums_ns]), bands.stages, histograms, -1)
    used = np.flatnonzero(table.any(axis=1))
    return {
        "stages": list(bands.stages),
        "rows": [[int(band), *map(int, table[band])] for band in used],
    }


def _bands(body: JSON, histograms: Mapping[str, Histogram]) -> Bands:
    stages = tuple(body["stages"])
    table = np.zeros((BAND_COUNT, 1 + len(stages)), dtype=np.int64)
    for band, *cells in body["rows"]:
        table[band] = cells
    table = _less_implied(table, stages, histograms, +1)
    return Bands(stages, table[:, 0].astype(np.uint64), table[:, 1:].astype(np.uint64))


def _less_implied(
    table: Ints, stages: tuple[str, ...], histograms: Mapping[str, Histogram], sign: int
) -> Ints:
    """Take off (-1) or put back (+1) what the histograms and the other columns tell.

    The count is that of ``response`` in the band (in older sets of ``service``); the sum of
    ``service`` is near that of its buckets' middles; ``app`` is the rest of it.
    """
    table = table.copy()
    column = {stage: 1 + at for at, stage in enumerate(stages)}
    if "service" not in column or "service" not in histograms:
        return table
    counts = _ints(histograms["service"])
    banded = _ints(histograms["response"]) if "response" in histograms else counts
    edges = bucket_edges_ns()
    starts = np.searchsorted(edges, band_edges_ns())[:-1]
    middle_ns = (edges[:-1] + edges[1:] - 1) // 2
    service, split = column["service"], all(part in column for part in SERVICE_PARTS)
    if sign < 0 and split:
        table[:, column["app"]] -= table[:, service] - table[:, column["recv_wait"]]
    table[:, 0] += sign * np.add.reduceat(banded, starts)
    table[:, service] += sign * np.add.reduceat(counts * middle_ns, starts)
    if sign > 0 and split:
        table[:, column["app"]] += table[:, service] - table[:, column["recv_wait"]]
    return table


def _raw(histograms: Mapping[str, Histogram], name: str) -> Ints:
    return _ints(histograms[name]) if name in histograms else np.zeros(BUCKETS, dtype=np.int64)


def _ints(histogram: Histogram) -> Ints:
    return histogram.counts.astype(np.int64)


def _histogram(counts: Ints) -> Histogram:
    return Histogram(counts.astype(np.uint64))


def _no_bands() -> Bands:
    empty: Any = np.zeros(BAND_COUNT, dtype=np.uint64)
    return Bands((), empty, np.zeros((BAND_COUNT, 0), dtype=np.uint64))
