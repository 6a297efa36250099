"""Pairs such as a real machine records: many exchanges, stalls, a correction, known effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import BAND_COUNT, BAND_SUB_BITS, BUCKETS, Histogram, index_of
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import WEIGHT_UNIT, Bands, Run, StallCorrected
from tests.unit.factories import make_noise, make_run, make_spike

STAGES = ("response", "service", "recv_wait", "app", "respond")
Values = Mapping[str, npt.NDArray[np.int64]]


def recorded_pair(
    index: int,
    exchanges: int = 4000,
    sd: float = 0.01,
    app_factor: float = 1.0,
    slow_share_factor: float = 1.0,
) -> Pair:
    """A pair whose arms differ by noise of this SD on the log scale, and by the effect if given.

    The candidate's ``app`` is ``app_factor`` times the baseline's.
    """
    rng = np.random.default_rng([index, 77])
    shift = rng.normal(0.0, sd, 2) / np.sqrt(2)
    arms = [
        _recorded_run(rng, exchanges, float(np.exp(shift[arm])), factor, share)
        for arm, (factor, share) in enumerate([(1.0, 1.0), (app_factor, slow_share_factor)])
    ]
    return Pair(index, 100 + index, "baseline", arms[0], arms[1], make_noise())


def _recorded_run(
    rng: np.random.Generator, exchanges: int, scale: float, app_factor: float, slow: float
) -> Run:
    app = rng.lognormal(np.log(90_000), 0.25, exchanges)
    app[rng.random(exchanges) < 0.02 * slow] += 400_000
    recv_wait = rng.lognormal(np.log(9_000), 0.6, exchanges)
    stalled = rng.random(exchanges) < 0.04
    recv_wait[stalled] += rng.exponential(3e6, int(stalled.sum()))
    app_ns = (scale * app_factor * app).astype(np.int64)
    recv_ns = (scale * recv_wait).astype(np.int64)
    respond_ns = rng.lognormal(np.log(4_000), 0.3, exchanges).astype(np.int64)
    stages: Values = {
        "response": app_ns + recv_ns + respond_ns,
        "service": app_ns + recv_ns,
        "recv_wait": recv_ns,
        "app": app_ns,
        "respond": respond_ns,
    }
    weights = np.rint(WEIGHT_UNIT * (1 + 0.06 * rng.random(exchanges))).astype(np.int64)
    run = make_run(1)
    used = {name: values[~stalled] for name, values in stages.items()}
    client = Histogram.of(stages["service"] + rng.lognormal(np.log(60_000), 0.3, exchanges))
    return replace(
        run,
        histograms={name: Histogram.of(values) for name, values in stages.items()},
        bands=_bands(stages, np.ones(exchanges, np.int64)),
        counters={**run.counters, "recorded": exchanges},
        load=replace(run.load, client=client),
        spikes=tuple(make_spike(9_000_000 + n, 60_250_000_000 - n) for n in range(70)),
        cpu_ns=int(exchanges * 50_000 * scale * app_factor),
        cpu_exchanges=exchanges,
        corrected=StallCorrected(
            histograms={n: _weighted(values, weights[~stalled]) for n, values in used.items()},
            bands=_bands(used, weights[~stalled]),
            used={name: Histogram.of(values) for name, values in used.items()},
            logged=exchanges,
        ),
    )


def _weighted(values: npt.NDArray[np.int64], weights: npt.NDArray[np.int64]) -> Histogram:
    counts = np.zeros(BUCKETS, dtype=np.int64)
    np.add.at(counts, index_of(values), weights)
    return Histogram(counts.astype(np.uint64))


def _bands(stages: Values, weights: npt.NDArray[np.int64]) -> Bands:
    band = index_of(stages["response"], BAND_SUB_BITS)
    count = np.zeros(BAND_COUNT, dtype=np.int64)
    sums_ns = np.zeros((BAND_COUNT, len(STAGES)), dtype=np.int64)
    np.add.at(count, band, weights)
    for column, name in enumerate(STAGES):
        np.add.at(sums_ns[:, column], band, stages[name] * weights)
    return Bands(STAGES, count.astype(np.uint64), sums_ns.astype(np.uint64))
