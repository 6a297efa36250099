"""Rules on pooled requests or on values computed from them.

Facts from the projects' own sources: github-action-benchmark `action.yml`, `src/write.ts` (an alert
when current / previous exceeds alert-threshold, 200%); pytest-benchmark `plugin.py`, `utils.py`
(--benchmark-compare-fail=min:5%, no default); asv `_stats.py`, `compare` (Mann-Whitney p < 0.002,
normal above 20 samples, and median ratio above --factor 1.1); pyperf `_utils.py` (pooled-variance
t test, two-sided 95%); Chromium Pinpoint `compare.py` (Kolmogorov-Smirnov, p < 0.01).  Counting
only alarms about slower candidates halves what the two-sided tests would raise.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from socklat_gate.verdict.arrays import Floats
from tests.benchmarks.rules.rule import Rule
from tests.benchmarks.rules.sample import Sample, pooled_quantiles_ns

__all__ = ["POOLED", "kolmogorov", "mann_whitney", "mean_ratio", "t_score"]

ASV_Z = float(-ndtri(0.002 / 2))
PYPERF_T = 1.960
KS_LEVEL = 0.01


def largest_ratio(sample: Sample) -> Floats:
    """The largest ratio among p50, p90 and p99 of the pooled requests."""
    before = pooled_quantiles_ns(sample.requests, sample.baseline)
    after = pooled_quantiles_ns(sample.requests, sample.candidate)
    return np.asarray((after / before).max(axis=1))


def mean_ratio(sample: Sample) -> Floats:
    """Ratio of the means of the pooled requests."""
    middle = sample.requests.middle_ns
    before = sample.baseline @ middle / sample.baseline.sum(axis=1)
    return np.asarray(sample.candidate @ middle / sample.candidate.sum(axis=1) / before)


def min_ratio(sample: Sample) -> Floats:
    """Ratio of the fastest requests."""
    low = np.maximum(sample.requests.low_ns, 0.5)
    fastest = [low[(arm > 0).argmax(axis=1)] for arm in (sample.baseline, sample.candidate)]
    return np.asarray(fastest[1] / fastest[0])


def mann_whitney(sample: Sample) -> Floats:
    """Mann-Whitney's z of the pooled requests, ties at their mean rank; positive for slower."""
    x, y = sample.baseline, sample.candidate
    n, m = x.sum(axis=1), y.sum(axis=1)
    # Pairs of requests in which the candidate's is the slower one; those in one bucket by half.
    wins = (y * (np.cumsum(x, axis=1) - x / 2)).sum(axis=1)
    total = n + m
    ties = (((x + y) ** 3) - (x + y)).sum(axis=1)
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    return np.asarray((wins - n * m / 2) / np.sqrt(variance))


def asv(sample: Sample) -> Floats:
    """The ratio of the medians, where the test finds the candidate slower; 1 elsewhere."""
    before = pooled_quantiles_ns(sample.requests, sample.baseline)[:, 0]
    after = pooled_quantiles_ns(sample.requests, sample.candidate)[:, 0]
    return np.asarray(np.where(mann_whitney(sample) > ASV_Z, after / before, 1.0))


def t_score(sample: Sample) -> Floats:
    """Student's t of the pooled requests, with the variance of both arms together."""
    middle = sample.requests.middle_ns
    n, m = sample.baseline.sum(axis=1), sample.candidate.sum(axis=1)
    before, after = sample.baseline @ middle / n, sample.candidate @ middle / m
    squares = (sample.baseline + sample.candidate) @ middle**2 - n * before**2 - m * after**2
    return np.asarray((after - before) / np.sqrt(squares / (n + m - 2) * (1 / n + 1 / m)))


def kolmogorov(sample: Sample) -> Floats:
    """Kolmogorov and Smirnov's one-sided statistic, scaled: sqrt(n m / (n + m)) D."""
    n, m = sample.baseline.sum(axis=1), sample.candidate.sum(axis=1)
    before = np.cumsum(sample.baseline, axis=1) / n[:, np.newaxis]
    after = np.cumsum(sample.candidate, axis=1) / m[:, np.newaxis]
    return np.asarray((before - after).max(axis=1) * np.sqrt(n * m / (n + m)))


def _percent(threshold: float) -> str:
    return f"{threshold:.1%}"


def _excess(threshold: float) -> str:
    return f"{threshold - 1:.1%}"


def _plain(threshold: float) -> str:
    return f"{threshold:.2f}"


POOLED = (
    Rule(
        "github-action-benchmark",
        "any of p50, p90, p99 of the requests above a ratio",
        2.0,
        "alert-threshold",
        _percent,
        largest_ratio,
    ),
    Rule(
        "pytest-benchmark, mean",
        "mean of the requests, `--benchmark-compare-fail=mean:5%`",
        1.05,
        "mean:",
        _excess,
        mean_ratio,
    ),
    Rule(
        "pytest-benchmark, min",
        "fastest request, `--benchmark-compare-fail=min:5%`",
        1.05,
        "min:",
        _excess,
        min_ratio,
    ),
    Rule(
        "asv",
        "Mann-Whitney over the requests, p < 0.002, and their median above a factor",
        1.1,
        "--factor",
        _plain,
        asv,
    ),
    Rule(
        "Mann-Whitney",
        "over the requests, p < 0.002, no factor",
        ASV_Z,
        "z",
        _plain,
        mann_whitney,
    ),
    Rule("pyperf", "t test over the requests, 95%", PYPERF_T, "t", _plain, t_score),
    Rule(
        "Pinpoint",
        "Kolmogorov-Smirnov over the requests, p < 0.01",
        math.sqrt(-math.log(KS_LEVEL / 2) / 2),
        "D",
        _plain,
        kolmogorov,
    ),
)
