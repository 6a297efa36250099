"""What runs have of one named request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Run

__all__ = ["request_corrected", "request_histogram", "request_names"]


def request_names(runs: Iterable[Run]) -> tuple[str, ...]:
    """Every name that some run has, in the order of the scenario."""
    return tuple(
        dict.fromkeys(name for run in runs for name in (*run.requests, *run.load.requests))
    )


def request_corrected(runs: Sequence[Run], name: str, stage: str) -> bool:
    """Whether every run that has exchanges of the request's stage has them without stalls."""
    parts = [run.requests[name] for run in runs if name in run.requests]
    having = [one for one in parts if stage in one.histograms and one.histograms[stage].total]
    return bool(having) and all(
        one.corrected is not None
        and stage in one.corrected.histograms
        and one.corrected.histograms[stage].total
        for one in having
    )


def request_histogram(runs: Sequence[Run], name: str, stage: str) -> Histogram:
    """One stage of a request over all runs: without stalls where `request_corrected`, else raw."""
    parts = [run.requests[name] for run in runs if name in run.requests]
    if request_corrected(runs, name, stage):
        known = [one.corrected.histograms for one in parts if one.corrected is not None]
        return Histogram.merged(one[stage] for one in known if stage in one)
    return Histogram.merged(one.histograms[stage] for one in parts if stage in one.histograms)
