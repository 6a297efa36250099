"""Rules on one value per run: p50, p90 and p99 of each run are a benchmark each.

Facts from the projects' own sources: benchstat `benchmath/anone.go` (medians, two-sided
Mann-Whitney, alpha 0.05, each benchmark by itself); Kayenta `NetflixACAJudge`,
`MannWhitneyClassifier` (98% interval of the Hodges-Lehmann shift; High when its lower end lies
beyond a quarter of the estimate; any metric of three High fails a score of 75).  Kayenta's values
are time slices; recorded pairs have one value a run, which spares it their autocorrelation.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from socklat_gate.verdict.arrays import Floats
from tests.benchmarks.rules.rule import Rule
from tests.benchmarks.rules.sample import Sample

__all__ = ["RUNS", "benchstat", "kayenta"]

BENCHSTAT_Z = float(-ndtri(0.05 / 2))
KAYENTA_Z = float(-ndtri((1 - 0.98) / 2))
FRACTION = 0.25


def benchstat(sample: Sample) -> Floats:
    """The largest Mann-Whitney z of the runs' values; normal approximation, corrected for ties."""
    x, y = sample.baseline_ns, sample.candidate_ns
    n = x.shape[-1]
    ranks = rankdata(np.concatenate([x, y], axis=-1), axis=-1)
    wins = ranks[..., n:].sum(axis=-1) - n * (n + 1) / 2
    ties = _tie_sum(ranks)
    total = 2 * n
    variance = n * n / 12 * (total + 1 - ties / (total * (total - 1)))
    centred = wins - n * n / 2
    # Continuity correction, as the exact test's discreteness has it.
    z = (np.abs(centred) - 0.5).clip(0) * np.sign(centred) / np.sqrt(np.maximum(variance, 1e-9))
    return np.asarray(z.max(axis=1))


def kayenta(sample: Sample) -> Floats:
    """The largest z at which a metric's interval still lies beyond a quarter of its estimate."""
    x, y = sample.baseline_ns, sample.candidate_ns
    n = x.shape[-1]
    spread = np.sqrt(n * n * (2 * n + 1) / 12)
    differences = (y[..., np.newaxis] - x[..., np.newaxis, :]).reshape(*x.shape[:-1], n * n)
    bound = FRACTION * np.abs(np.median(differences, axis=-1))
    below = (differences <= bound[..., np.newaxis]).sum(axis=-1)
    return np.asarray(((n * n / 2 - below) / spread).max(axis=1))


def _tie_sum(ranks: Floats) -> Floats:
    """Sum of t^3 - t over groups of t equal ranks along the last axis."""
    ordered = np.sort(ranks, axis=-1)
    same = ordered[..., :, np.newaxis] == ordered[..., np.newaxis, :]
    size = same.sum(axis=-1)
    return np.asarray((size**2 - 1).sum(axis=-1), dtype=np.float64)


def _plain(threshold: float) -> str:
    return f"{threshold:.2f}"


RUNS = (
    Rule(
        "benchstat",
        "Mann-Whitney over the runs' p50, p90, p99, p < 0.05 each",
        BENCHSTAT_Z,
        "z for -alpha",
        _plain,
        benchstat,
    ),
    Rule(
        "Kayenta",
        "98% interval of the shift of the runs' p50, p90, p99, beyond a quarter of it",
        KAYENTA_Z,
        "z for the confidence",
        _plain,
        kayenta,
    ),
)
