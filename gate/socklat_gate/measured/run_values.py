"""The one number of a run that a metric is about, corrected for stalls where that was done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Run

__all__ = [
    "cpu_per_request_ns",
    "judged_histogram",
    "latency_stage",
    "used_histogram",
    "value_ns",
]


def latency_stage(runs: Iterable[Run]) -> Literal["response", "service"]:
    """The stage that says how long requests took: ``response``.

    ``service`` when one of the runs was measured before there was that stage.
    """
    return "response" if all("response" in run.histograms for run in runs) else "service"


def value_ns(run: Run, stage: str, quantile: float | None) -> float:
    """A quantile of one run, corrected for stalls where that was done; NaN when not measured.

    Without a quantile it is the CPU time per request.
    """
    if quantile is None:
        return cpu_per_request_ns(run)
    histogram = judged_histogram(run, stage)
    return float("nan") if histogram is None else histogram.quantile_ns(quantile)


def cpu_per_request_ns(run: Run) -> float:
    """CPU time of the container per request in ns; NaN when not measured."""
    measured = run.cpu_ns > 0 and run.cpu_exchanges > 0
    return run.cpu_ns / run.cpu_exchanges if measured else float("nan")


def judged_histogram(run: Run, stage: str) -> Histogram | None:
    """The distribution that is judged: the corrected one where there is one."""
    if run.corrected is not None and stage in run.corrected.histograms:
        return run.corrected.histograms[stage]
    return run.histograms.get(stage)


def used_histogram(run: Run, stage: str) -> Histogram | None:
    """The exchanges that `judged_histogram` rests on, each counted once."""
    if run.corrected is not None and stage in run.corrected.histograms:
        return run.corrected.used[stage]
    return run.histograms.get(stage)
