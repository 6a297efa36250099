"""The table of pairs: each one's own change per metric, the machine, and why it is not used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from socklat_gate.measured.pair import Pair, containers_of
from socklat_gate.measured.run_values import metric_value
from socklat_gate.measured.verdict import MetricVerdict
from socklat_gate.report.raw_numbers import EXTENDED
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.notes import note_text

__all__ = ["PairRow", "PairTable", "interleaving", "pair_table"]

MAX_ROWS = 100


@dataclass(frozen=True, slots=True)
class PairRow:
    """One pair; ``changes`` in the order of the table's metrics, ``machine`` of its columns."""

    index: str
    start: str
    first_started: str
    changes: tuple[str, ...]
    machine: tuple[str, ...]
    excluded: str


@dataclass(frozen=True, slots=True)
class PairTable:
    """Rows for the first `MAX_ROWS` pairs; ``left_off`` counts the others.

    ``starts``: several pairs were measured on the same containers, or are one block of several
    containers of each arm; which is in the rows.
    """

    metrics: tuple[str, ...]
    machine: tuple[str, ...]
    starts: bool
    rows: tuple[PairRow, ...]
    left_off: int


def interleaving(pairs: Sequence[Pair]) -> str:
    """How the arms shared the machine, unless it is the usual way: request by request."""
    ways = {
        "request": "",
        "slice": "slices of time go to one arm or the other",
        "block": "one container at a time, in blocks",
    }
    parts = [ways[pairs[0].interleave]] if pairs else []
    starts = {pair.start for pair in pairs if pair.start is not None}
    containers = containers_of(pairs)
    if containers > 1:
        many = plural(len(starts), "block")
        parts.append(
            f"{many} of {containers} + {containers} containers, each with 1/{containers} of its "
            "arm's load; a block counts as one observation"
        )
    elif starts:
        many = plural(len(starts), "start")
        parts.append(f"{many} of the containers, pairs of one start count as one observation")
    return "; ".join(part for part in parts if part)


def pair_table(pairs: Sequence[Pair], metrics: Sequence[MetricVerdict]) -> PairTable | None:
    """Rows with the ratio of the quantiles minus 1 for every metric; None without pairs."""
    if not pairs:
        return None
    columns, containers = _columns(pairs), containers_of(pairs)
    return PairTable(
        metrics=tuple(metric.name for metric in metrics),
        machine=tuple(columns),
        starts=any(pair.start is not None for pair in pairs),
        rows=tuple(_row(pair, metrics, columns, containers) for pair in pairs[:MAX_ROWS]),
        left_off=max(0, len(pairs) - MAX_ROWS),
    )


def _columns(pairs: Sequence[Pair]) -> list[str]:
    """Titles of `COLUMNS` in which some pair has something, length only where it differs."""
    found = [name for name, shown in COLUMNS.items() if {shown(p) for p in pairs} - NOTHING]
    lengths_s = [_length_s(pair) for pair in pairs]
    if max(lengths_s) <= EXTENDED * min(lengths_s):
        found = [name for name in found if name != LENGTH]
    return found


def _row(
    pair: Pair, metrics: Sequence[MetricVerdict], columns: Sequence[str], containers: int
) -> PairRow:
    of = f" ({pair.replica + 1} of {containers})" if containers > 1 else ""
    swapped = ", CPU sets swapped" if pair.swapped_cpusets else ""
    return PairRow(
        index=str(pair.index),
        start="" if pair.start is None else f"{pair.start}{of}",
        first_started=pair.first_started + swapped,
        changes=tuple(units.change(_change(pair, metric)) for metric in metrics),
        machine=tuple(COLUMNS[name](pair) or units.NOT_AVAILABLE for name in columns),
        excluded=note_text(pair.excluded),
    )


def _share(part: float | None) -> str:
    return "" if part is None else units.share(part)


def _throttling(pair: Pair) -> str:
    throttled_us = pair.noise.throttled_us
    return "" if throttled_us is None else units.ns(1e3 * throttled_us)


def _length_s(pair: Pair) -> float:
    return max(pair.baseline.duration_s, pair.candidate.duration_s)


LENGTH = "lasted"
COLUMNS: Mapping[str, Callable[[Pair], str]] = {
    LENGTH: lambda pair: units.duration_s(_length_s(pair)),
    "steal": lambda pair: _share(pair.noise.steal),
    "stalled": lambda pair: _share(pair.noise.stalled),
    "interference": lambda pair: _share(pair.noise.interference),
    "throttled": _throttling,
    "CPU busy": lambda pair: _share(pair.noise.busy),
}
NOTHING = {"", units.ns(0)}


def _change(pair: Pair, metric: MetricVerdict) -> float:
    """NaN where an arm has no such stage or no value in it."""
    baseline, candidate = (
        metric_value(run, metric.stage, metric.quantile, metric.request)
        for run in (pair.baseline, pair.candidate)
    )
    return candidate / baseline - 1 if baseline > 0 else float("nan")
