"""The part of every run that one named request has, as runs of their own."""

from __future__ import annotations

from collections.abc import Sequence

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import request_part
from socklat_gate.report.arm_runs import Arms

__all__ = ["is_corrected", "request_arms", "shown_histogram"]


def request_arms(arms: Arms, name: str) -> Arms:
    """The arms as if nothing but that request had been sent; runs without exchanges of it go."""
    parts = [(label, [request_part(run, name) for run in runs]) for label, runs in arms]
    return [(label, [part for part in of if _exchanges(part)]) for label, of in parts]


def is_corrected(runs: Sequence[Run], stage: str) -> bool:
    """Whether every run that has exchanges of the stage has them without stalls."""
    having = [run for run in runs if stage in run.histograms and run.histograms[stage].total]
    known = [run.corrected for run in having if run.corrected]
    usable = [one for one in known if stage in one.used and one.used[stage].total]
    return bool(having) and len(usable) == len(having)


def shown_histogram(runs: Sequence[Run], stage: str) -> Histogram:
    """One stage of all runs: without stalls where `is_corrected`, else as measured."""
    if is_corrected(runs, stage):
        known = [run.corrected.histograms for run in runs if run.corrected]
        return Histogram.merged(one[stage] for one in known if stage in one)
    return Histogram.merged(run.histograms[stage] for run in runs if stage in run.histograms)


def _exchanges(run: Run) -> bool:
    return any(histogram.total for histogram in run.histograms.values())
