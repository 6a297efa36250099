"""What the noise study takes from a recorded pair: log ratios, and their own sampling error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import metric_value
from tests.benchmarks.recorded import Recorded

__all__ = ["QUANTILES", "Floats", "judged", "raw", "sampling_error", "sd", "usable"]

Floats = npt.NDArray[np.float64]

QUANTILES = (0.5, 0.9, 0.99)
BOOTSTRAPS = 200


def judged(pair: Pair) -> Floats:
    """Ln ratio of p50, p90, p99 as judged, and of CPU time per request."""
    runs = (pair.baseline, pair.candidate)
    values = [[metric_value(run, "response", q) for q in QUANTILES] for run in runs]
    cpu = [metric_value(run, "cpu", None) for run in runs]
    return np.log([*np.divide(values[1], values[0]), cpu[1] / cpu[0]])


def raw(pair: Pair) -> Floats:
    baseline, candidate = (
        run.histograms["response"].quantiles_ns(QUANTILES)
        for run in (pair.baseline, pair.candidate)
    )
    return np.asarray(np.log(candidate / baseline))


def sampling_error(pair: Pair, rng: np.random.Generator) -> Floats:
    """SD of a pair's corrected ln ratios by its exchanges alone: bootstrap within each run."""
    drawn = [_bootstrap(run, rng) for run in (pair.baseline, pair.candidate)]
    return np.asarray(np.log(drawn[1] / drawn[0]).std(axis=0, ddof=1))


def _bootstrap(run: Run, rng: np.random.Generator) -> Floats:
    """Quantiles of resampled exchanges, each with its bucket's mean weight."""
    assert run.corrected is not None
    used = run.corrected.used["response"].counts.astype(np.int64)
    weight = run.corrected.histograms["response"].counts / np.maximum(used, 1)
    found = []
    for _ in range(BOOTSTRAPS):
        counts = rng.multinomial(used.sum(), used / used.sum())
        again = Histogram(np.rint(counts * weight).astype(np.uint64))
        found.append(again.quantiles_ns(QUANTILES))
    return np.array(found)


def usable(recorded: Recorded) -> list[Pair]:
    return [pair for pair in recorded.pairs if not pair.excluded]


def sd(values: Sequence[Floats]) -> Floats:
    return np.asarray(np.std(values, axis=0, ddof=1))
