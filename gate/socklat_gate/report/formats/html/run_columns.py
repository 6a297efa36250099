"""What a report shows along the time: every run of every arm in the order measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.pair import Noise, Pair
from socklat_gate.measured.result import Result
from socklat_gate.measured.run import Run
from socklat_gate.wording.notes import note_text

__all__ = ["MAX_COLUMNS", "Column", "timeline_of"]

MAX_COLUMNS = 120


@dataclass(frozen=True, slots=True)
class Column:
    """A pair, or a run of a campaign: its number, its runs by arm, and the machine meanwhile."""

    number: int
    runs: tuple[Run, ...]
    noise: Noise | None
    excluded: str


def timeline_of(result: Result) -> tuple[tuple[str, ...], Sequence[Column]]:
    """Labels of the arms and the first `MAX_COLUMNS` columns, pairs excluded included."""
    if result.pairs:
        pairs = result.pairs[:MAX_COLUMNS]
        columns = [
            Column(
                pair.index, (pair.baseline, pair.candidate), pair.noise, note_text(pair.excluded)
            )
            for pair in pairs
        ]
        return ("baseline", "candidate"), columns
    if result.campaign is None:
        return (), []
    runs = result.campaign.runs[:MAX_COLUMNS]
    noises: Sequence[Noise | None] = result.campaign.noise or [None] * len(runs)
    columns = [
        Column(number, (run,), noise, "")
        for number, (run, noise) in enumerate(zip(runs, noises, strict=False))
    ]
    return ("service" if result.kind == "run" else "candidate",), columns


def _of_pair(pair: Pair) -> Column:
    runs = (pair.baseline, pair.candidate)
    return Column(pair.index, runs, pair.noise, note_text(pair.excluded))
