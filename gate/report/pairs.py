"""The table of pairs: each one's own change per metric, its noise, and why it is not used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gate.campaign import Pair
from gate.report import units
from gate.verdict.model import MetricVerdict
from gate.verdict.quantiles import value_ns

__all__ = ["PairRow", "PairTable", "pair_table", "used_pairs"]

MAX_ROWS = 100


@dataclass(frozen=True, slots=True)
class PairRow:
    """One pair; ``changes`` in the order of the table's metrics."""

    index: str
    first_started: str
    changes: tuple[str, ...]
    steal: str
    busy: str
    set_aside: str


@dataclass(frozen=True, slots=True)
class PairTable:
    """Rows for the first `MAX_ROWS` pairs; ``left_off`` counts the others."""

    metrics: tuple[str, ...]
    rows: tuple[PairRow, ...]
    left_off: int


def used_pairs(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """The pairs that count; all of them when every one was set aside."""
    return [pair for pair in pairs if not pair.set_aside] or pairs


def pair_table(pairs: Sequence[Pair], metrics: Sequence[MetricVerdict]) -> PairTable:
    """Rows with the ratio of the quantiles minus 1 for every metric of a pair."""
    rows = tuple(_row(pair, metrics) for pair in pairs[:MAX_ROWS])
    return PairTable(tuple(metric.name for metric in metrics), rows, max(0, len(pairs) - MAX_ROWS))


def _row(pair: Pair, metrics: Sequence[MetricVerdict]) -> PairRow:
    return PairRow(
        index=str(pair.index),
        first_started=pair.first_started,
        changes=tuple(units.change(_change(pair, metric)) for metric in metrics),
        steal=units.share(pair.noise.steal),
        busy=units.share(pair.noise.busy),
        set_aside=pair.set_aside,
    )


def _change(pair: Pair, metric: MetricVerdict) -> float:
    """NaN where an arm has no such stage or no value in it."""
    baseline, candidate = (
        value_ns(run, metric.stage, metric.quantile) for run in (pair.baseline, pair.candidate)
    )
    return candidate / baseline - 1 if baseline > 0 else float("nan")
