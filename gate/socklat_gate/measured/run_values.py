"""The one number of a run that a metric is about, corrected for stalls where that was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from socklat_gate.measured.histogram import BAND_COUNT, Histogram
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.names import CLIENT, CPU, MEMORY, STARTUP
from socklat_gate.measured.run import Bands, RequestStages, Run

__all__ = [
    "by_driver_clock",
    "container_value",
    "judged_histogram",
    "latency_stage",
    "metric_value",
    "request_names",
    "request_part",
    "used_histogram",
    "without_correction",
]


def by_driver_clock(run: Run) -> bool:
    """Whether latencies are of stage ``client``, and none of the kernel's stages of an exchange."""
    return run.load.streams is not None


ABSENT = RequestStages(weight=0.0, exchanges=0, histograms={})
"""Of a name that a run does not have."""


def latency_stage(runs: Iterable[Run]) -> Literal["client", "response", "service"]:
    """The stage that says how long requests took: ``response``.

    ``client`` where connections had several streams, which the kernel cannot tell apart;
    ``service`` when one of the runs was measured before there was ``response``.
    """
    runs = tuple(runs)
    if any(by_driver_clock(run) for run in runs):
        return CLIENT
    return "response" if all("response" in run.histograms for run in runs) else "service"


def request_names(runs: Iterable[Run]) -> tuple[str, ...]:
    """Names of the requests that the runs' loads mix, in the order of the scenario; () for one."""
    found: dict[str, None] = {}
    for run in runs:
        found.update(dict.fromkeys((*run.requests, *run.load.requests)))
    return tuple(name for name in found if name)


def request_part(run: Run, request: str | None) -> Run:
    """The run as if it had nothing but the named request's exchanges; all of it without a name.

    What is of a container, dependencies, counters but ``recorded``, and spikes are of no name and
    left out.  A name that the run does not have gives one without exchanges.
    """
    if not request:
        return run
    part = run.requests.get(request, ABSENT)
    bands = part.bands or (part.corrected.bands if part.corrected else _no_bands())
    return replace(
        run,
        histograms=part.histograms,
        corrected=part.corrected,
        bands=bands,
        counters={**run.counters, "recorded": part.exchanges},
        load=_load_part(run.load, request),
        spikes=(),
        cpu_ns=0,
        cpu_exchanges=0,
        startup_ns=0,
        peak_memory_bytes=0,
        companions={},
        internal={},
        statuses={},
        requests={},
    )


def without_correction(run: Run) -> Run:
    """The run with raw numbers only, those of its named requests included."""
    parts: Mapping[str, RequestStages] = {
        name: replace(part, corrected=None, bands=part.bands or _bands_of(part))
        for name, part in run.requests.items()
    }
    return replace(run, corrected=None, requests=parts)


def _bands_of(part: RequestStages) -> Bands | None:
    """Corrected bands say where time went better than none."""
    return part.corrected.bands if part.corrected else None


def _load_part(load: LoadCounts, request: str) -> LoadCounts:
    part = load.requests.get(request)
    if part is None:
        nothing = Histogram.empty()
        return replace(
            load,
            planned=0,
            sent=0,
            responded=0,
            errors=0,
            client=nothing,
            answers=None,
            requests={},
        )
    return replace(
        load,
        planned=part.planned,
        sent=part.sent,
        responded=part.responded,
        errors=part.errors,
        client=part.client,
        answers=part.answers,
        requests={},
    )


def _no_bands() -> Bands:
    nothing = np.zeros(BAND_COUNT, dtype=np.uint64)
    return Bands((), nothing, np.zeros((BAND_COUNT, 0), dtype=np.uint64))


def metric_value(run: Run, stage: str, quantile: float | None, request: str | None = None) -> float:
    """A quantile of one run in ns, corrected for stalls where that was done; NaN when not measured.

    Without a quantile it is the `container_value`; ``request`` is the one whose exchanges alone are
    meant.
    """
    if quantile is None:
        return container_value(run, stage)
    histogram = judged_histogram(request_part(run, request), stage)
    return float("nan") if histogram is None else histogram.quantile_ns(quantile)


def container_value(run: Run, stage: str) -> float:
    """The one number of a stage of `measured.names.OF_CONTAINER`; NaN when not measured.

    CPU time per request and the time to start in ns, peak memory in bytes.
    """
    value = 0.0
    if stage == CPU:
        value = run.cpu_ns / run.cpu_exchanges if run.cpu_exchanges > 0 else 0.0
    elif stage == STARTUP:
        value = float(run.startup_ns)
    elif stage == MEMORY:
        value = float(run.peak_memory_bytes)
    return value if value > 0 else float("nan")


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
