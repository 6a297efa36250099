"""The runs that a report shows, by arm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.result import Result
from socklat_gate.measured.run import Run

__all__ = ["Arms", "any_corrected", "arms_of", "judged_runs", "merged", "run_numbers", "used_pairs"]

Arms = list[tuple[str, Sequence[Run]]]
"""Label and runs of each arm."""


def used_pairs(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """The pairs that count; all of them when every one was excluded."""
    return [pair for pair in pairs if not pair.excluded] or pairs


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


def judged_runs(result: Result) -> list[Run]:
    """The runs that the verdict looks at, of both arms, or those of the campaign."""
    if result.pairs:
        used = (pair for pair in result.pairs if not pair.excluded)
        return [run for pair in used for run in (pair.baseline, pair.candidate)]
    return list(result.campaign.runs) if result.campaign else []


def any_corrected(result: Result) -> bool:
    """Whether some judged run is corrected for stalls."""
    return any(run.corrected is not None for run in judged_runs(result))


def merged(runs: Iterable[Run], stage: str) -> Histogram:
    """One stage of all runs that have it, nothing corrected."""
    return Histogram.merged(run.histograms[stage] for run in runs if stage in run.histograms)
