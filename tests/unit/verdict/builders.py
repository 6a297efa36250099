"""Runs, pairs and campaigns whose quantiles are known by construction."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from hypothesis import settings
from scipy.stats import norm

from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.measured.facts import Note
from socklat_gate.measured.histogram import BAND_COUNT, BAND_SUB_BITS, Histogram, index_of
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.pair import Noise, Pair
from socklat_gate.measured.run import Bands, Run

STEADY = settings(
    deadline=None,
    derandomize=True,
    max_examples=100 if os.environ.get("SOCKLAT_SLOW") else 40,
)
"""The same examples whenever they run; all of them in `ci/test --all`."""
"""For property tests: the same examples each time, and no time limit on a busy machine."""

STAGES = ("response", "service", "recv_wait", "app", "respond", "upload")
EXCHANGES = 6000
SPIKE_THRESHOLD_NS = 10_000_000
QUIET = Noise(steal=0.0, busy=0.3, psi_cpu_some=None, load_average=0.5)
_RANKS = (np.arange(EXCHANGES) + 0.5) / EXCHANGES
SERVICE_NS = np.round(np.exp(np.log(400_000) + 0.5 * norm.ppf(_RANKS))).astype(np.int64)
"""Log-normal around 400 us: every quantile of exp(x) times this is known."""


def bands_of(
    recv_wait_ns: npt.ArrayLike,
    app_ns: npt.ArrayLike,
    respond_ns: npt.ArrayLike = 0,
    upload_ns: npt.ArrayLike = 0,
) -> Bands:
    recv_wait, app = np.asarray(recv_wait_ns, np.int64), np.asarray(app_ns, np.int64)
    service = recv_wait + app
    respond, upload = (
        np.broadcast_to(np.asarray(values, np.int64), app.shape)
        for values in (respond_ns, upload_ns)
    )
    response = service + respond
    band = index_of(response, BAND_SUB_BITS)
    sums = np.zeros((BAND_COUNT, len(STAGES)), dtype=np.uint64)
    for column, values in enumerate((response, service, recv_wait, app, respond, upload)):
        np.add.at(sums[:, column], band, values.astype(np.uint64))
    return Bands(STAGES, np.bincount(band, minlength=BAND_COUNT).astype(np.uint64), sums)


def run_of(
    service_ns: npt.ArrayLike,
    recv_wait_ns: npt.ArrayLike = 0,
    counters: Mapping[str, int] | None = None,
    *,
    respond_ns: npt.ArrayLike = 0,
    upload_ns: npt.ArrayLike = 0,
) -> Run:
    """Responses of one send and requests in one piece, unless said otherwise."""
    service = np.asarray(service_ns, np.int64)
    recv_wait = np.broadcast_to(np.asarray(recv_wait_ns, np.int64), service.shape)
    app = service - recv_wait
    respond = np.broadcast_to(np.asarray(respond_ns, np.int64), service.shape)
    stages_ns = (service + respond, service, recv_wait, app, respond)
    histograms = {
        name: Histogram.of(values) for name, values in zip(STAGES, stages_ns, strict=False)
    }
    load = LoadCounts(
        planned=service.size,
        sent=service.size,
        starved=0,
        responded=service.size,
        errors=0,
        responded_total=service.size,
        late_p99_ns=0,
        lag_p99_ns=0,
        client=Histogram.empty(),
    )
    return Run(
        image="demo:1",
        image_id="sha256:0",
        histograms=histograms,
        bands=bands_of(recv_wait, app, respond, upload_ns),
        counters=counters or {"overlapped": 0, "recorded": service.size},
        load=load,
        duration_s=6.0,
        cpu_ns=round(float(np.median(service)) * service.size / 4) if service.size else 0,
        cpu_exchanges=service.size,
        spike_threshold_ns=SPIKE_THRESHOLD_NS,
    )


def scaled_run(log_change: float, counters: Mapping[str, int] | None = None) -> Run:
    """A run whose every quantile is exp(log_change) times the reference's."""
    return run_of(np.round(SERVICE_NS * np.exp(log_change)), counters=counters)


def pair_of(baseline: Run, candidate: Run, index: int = 0, excluded: Note | None = None) -> Pair:
    return Pair(index, index, "baseline", baseline, candidate, QUIET, excluded)


def pairs_with(log_ratios: Sequence[float]) -> list[Pair]:
    """Pairs whose log ratio is the same at every quantile: the given ones."""
    reference = scaled_run(0.0)
    return [pair_of(reference, scaled_run(float(x)), i) for i, x in enumerate(log_ratios)]


def campaign_of(runs: Sequence[Run]) -> Campaign:
    return Campaign(
        scenario_name="demo",
        scenario_hash="0" * 16,
        mode="single",
        created="2026-01-01T00:00:00+00:00",
        commit="c0ffee",
        image="demo:1",
        image_id="sha256:0",
        fingerprint=Fingerprint({"kernel": "6.1"}),
        runs=tuple(runs),
        noise=(QUIET,) * len(runs),
    )


def block_of(
    baseline: Sequence[Run], candidate: Sequence[Run], index: int = 0, excluded: Note | None = None
) -> list[Pair]:
    """The pairs of a block: container r of each arm in pair r, numbered from ``index`` on."""
    return [
        replace(pair_of(ours, theirs, index + at, excluded), start=index, replica=at)
        for at, (ours, theirs) in enumerate(zip(baseline, candidate, strict=True))
    ]


def blocks_with(changes: Sequence[Sequence[float]]) -> list[Pair]:
    """Blocks whose candidates' containers differ from the baseline's by these log ratios."""
    reference = scaled_run(0.0)
    found: list[Pair] = []
    for of_block in changes:
        runs = [scaled_run(float(change)) for change in of_block]
        found += block_of([reference] * len(runs), runs, len(found))
    return found
