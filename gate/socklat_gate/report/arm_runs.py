"""The runs that a report shows, by arm."""

from __future__ import annotations

from collections.abc import Sequence

from socklat_gate.measured.result import Result
from socklat_gate.measured.run import Run
from socklat_gate.report.pair_table import used_pairs

__all__ = ["Arms", "arms_of", "run_numbers"]

Arms = list[tuple[str, Sequence[Run]]]
"""Label and runs of each arm."""


def arms_of(result: Result) -> Arms:
    """Both arms of the pairs in use, or the one campaign; empty when nothing was measured."""
    if result.pairs:
        pairs = used_pairs(result.pairs)
        return [
            ("baseline", [pair.baseline for pair in pairs]),
            ("candidate", [pair.candidate for pair in pairs]),
        ]
    if result.campaign is None:
        return []
    return [("service" if result.kind == "run" else "candidate", result.campaign.runs)]


def run_numbers(result: Result) -> list[int]:
    """Of the runs of each of `arms_of`: the pair's own number, else the run's in its campaign."""
    if result.pairs:
        return [pair.index for pair in used_pairs(result.pairs)]
    return list(range(len(result.campaign.runs))) if result.campaign else []
