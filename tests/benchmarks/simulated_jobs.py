"""Thousands of simulated jobs of the paired verdict at once: noise, outcomes, coverage.

A job is the default gate looking after every pair, up to its budget of pairs.  The noise of a pair
is shared half-and-half between the metrics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from socklat_gate.scenario import Gate
from socklat_gate.verdict.confidence_sequence import LOW_THRESHOLD, Bound, lower_bounds
from socklat_gate.verdict.evidence import (
    Floats,
    log_factors,
    mixed,
    running_fail_evidence,
    running_pass_evidence,
    strictest,
)
from socklat_gate.verdict.interval import confidence_interval
from socklat_gate.verdict.sample import Sample
from socklat_gate.verdict.zone import Zone, zone_of
from tests.benchmarks.jobs import e_bh_of_jobs

__all__ = [
    "CPU",
    "D0",
    "D1",
    "GATE",
    "NOISES",
    "NO_CHANGE",
    "P99",
    "PAIR_SD",
    "UNFLIPPED",
    "ZONES",
    "Jobs",
    "Noise",
    "coverage",
    "decided",
    "half_found",
    "interval_of",
    "only",
    "uneven",
    "widths",
]

GATE = Gate()
ZONES = [zone_of(metric, GATE) for metric in GATE.metrics]
D0 = tuple(zone.d0 for zone in ZONES)
D1 = tuple(zone.d1 for zone in ZONES)
NO_CHANGE = (0.0,) * len(ZONES)
P99, CPU = 2, 3
PAIR_SD = (0.02, 0.04, 0.10, 0.0075)
"""SD of ln(candidate / baseline) of a pair, for p50, p90, p99 and CPU time per request."""
DRIFT_SD = 1.0
"""A drift runs from minus to plus this many pair SDs over the budget."""
AR1 = 0.3

ERROR_SHARE = 1 / 1.2
"""Of a pair's noise, what its histograms know of: the standard error of sampling."""
ERROR_SPREAD = 0.2
"""How well they know it: SD of the standard error's logarithm."""

Bools = npt.NDArray[np.bool_]
Noise = Callable[[np.random.Generator, int, int], Floats]


def normal(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
    """Standard normal, shape (metrics, jobs, pairs), correlation 0.5 between metrics."""
    own = rng.standard_normal((len(PAIR_SD), jobs, pairs))
    return math.sqrt(0.5) * (own + rng.standard_normal((jobs, pairs)))


def heavy_tailed(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
    """10% of the pairs have 5 times the noise."""
    wild = rng.random((jobs, pairs)) < 0.1
    return normal(rng, jobs, pairs) * np.where(wild, 5.0, 1.0)


def autocorrelated(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
    """AR(1) over the pairs, unit variance from the first pair on."""
    shocks = normal(rng, jobs, pairs) * math.sqrt(1 - AR1**2)
    shocks[..., 0] /= math.sqrt(1 - AR1**2)
    return np.asarray(lfilter([1.0], [1.0, -AR1], shocks, axis=-1))


def drifting(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
    """Linear drift on top of normal noise."""
    return normal(rng, jobs, pairs) + np.linspace(-DRIFT_SD, DRIFT_SD, pairs)


def uneven_precision(pairs: int) -> Floats:
    """Pairs that differ ninefold in precision, which their histograms know; shape (pairs,)."""
    return np.asarray(3.0 ** np.linspace(-1.0, 1.0, 8)[(5 * np.arange(pairs)) % 8])


def uneven(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
    """Normal noise, more of it in some pairs."""
    return normal(rng, jobs, pairs) * uneven_precision(pairs)


def flipped(noise: Noise) -> Noise:
    """The same noise, given to either arm by a coin flip per pair."""

    def draw(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
        return np.asarray(noise(rng, jobs, pairs) * rng.choice([-1.0, 1.0], (jobs, pairs)))

    return draw


NOISES: dict[str, Noise] = {
    "normal": normal,
    "heavy-tailed (10% of pairs x5)": heavy_tailed,
    "precision differs ninefold": uneven,
    f"AR(1) {AR1}, flipped": flipped(autocorrelated),
    "linear drift, flipped": flipped(drifting),
}
UNFLIPPED: dict[str, Noise] = {
    f"AR(1) {AR1}, not flipped": autocorrelated,
    "linear drift, not flipped": drifting,
}


@dataclass(frozen=True)
class Jobs:
    """Outcome of many jobs: pairs until FAIL and until PASS (inf when never), and by metric.

    ``fail_by_metric`` is when a job failed that names the metric.

    ``let_by_metric``, shape (metrics, jobs, pairs): it may pass as far as this metric goes.
    """

    samples: list[Sample]
    fail: Floats
    passed: Floats
    fail_by_metric: Floats
    let_by_metric: Bools

    @property
    def failed(self) -> Bools:
        """Jobs that end in FAIL: when both kinds of evidence come at once, it is a FAIL."""
        return np.isfinite(self.fail) & (self.fail <= self.passed)

    @property
    def wrongly_passed(self) -> float:
        return float((self.passed < self.fail).mean())

    @property
    def ended(self) -> npt.NDArray[np.int64]:
        """Pairs at the end of each job."""
        return np.minimum(np.minimum(self.fail, self.passed), GATE.max_pairs).astype(np.int64)


def errors_of(noise: Floats, metric: int, *, known: bool) -> Floats | None:
    """Standard errors of a metric's pairs, shape (jobs, pairs); CPU time has none.

    They know how far a pair's noise reaches (``known``: it differs) and nothing of its sign.
    """
    if metric == CPU:
        return None
    rng = np.random.default_rng(metric)
    _, jobs, pairs = noise.shape
    level = PAIR_SD[metric] * ERROR_SHARE * (uneven_precision(pairs) if known else 1.0)
    return np.asarray(level * np.exp(ERROR_SPREAD * rng.standard_normal((jobs, pairs))))


def samples_of(noise: Floats, changes: Sequence[float], *, known: bool) -> list[Sample]:
    """Of each metric, all jobs."""
    return [
        Sample(sd * of_metric + change, errors_of(noise, metric, known=known))
        for metric, (of_metric, sd, change) in enumerate(zip(noise, PAIR_SD, changes, strict=True))
    ]


def decided(
    noise: Floats,
    changes: Sequence[float],
    spikes: Floats | None = None,
    *,
    known: bool = False,
) -> Jobs:
    """Jobs with these log changes by metric; ``spikes``: when each fails by its spikes.

    ``known``: as of `errors_of`.
    """
    samples = samples_of(noise, changes, known=known)
    weighted, let = [], []
    for sample, zone in zip(samples, ZONES, strict=True):
        products = np.cumsum(log_factors(sample, zone.d0, zone.scale), axis=-1)
        weighted.append(mixed(products) - math.log(zone.threshold_fail))
        let.append(lets_pass(sample, products, zone))
    together = np.array(weighted)
    fail = _when(np.logaddexp.reduce(together, axis=0) >= 0.0)
    any_fail = fail if spikes is None else np.minimum(fail, spikes)
    at = np.minimum(fail, noise.shape[2]).astype(np.intp) - 1
    named = e_bh_of_jobs(together[:, np.arange(noise.shape[1]), at]) & np.isfinite(fail)
    by_metric = np.where(named, fail, np.inf)
    passed = _when(np.logical_and.reduce(let))
    return Jobs(samples, any_fail, passed, by_metric, np.array(let))


def lets_pass(sample: Sample, products: Floats, zone: Zone) -> Bools:
    """After each pair: evidence to pass was reached, and neither kind to fail is above 1 now."""
    evidence = running_pass_evidence(sample, zone.d1, zone.scale)
    reached = np.logical_or.accumulate(evidence >= math.log(zone.threshold_pass), axis=-1)
    return np.asarray(reached & (strictest(products) <= 0.0))


def first(log_evidence: Floats, needed: float) -> Floats:
    """Number of the pair at which each job reaches the threshold, inf when never."""
    return _when(log_evidence >= math.log(needed))


def _when(reached: Bools) -> Floats:
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)


def coverage(jobs: Jobs, changes: Sequence[float]) -> list[float]:
    """Share of jobs whose interval holds the truth at all looks together, by metric.

    The looks go on to the budget of pairs, whenever a job would end.
    """
    found = []
    for sample, zone, change in zip(jobs.samples, ZONES, changes, strict=True):
        above = running_fail_evidence(sample, change, zone.scale).max(axis=1)
        below = running_pass_evidence(sample, change, zone.scale).max(axis=1)
        missed = (above >= math.log(LOW_THRESHOLD)) | (below >= math.log(zone.threshold_pass))
        found.append(float(1.0 - missed.mean()))
    return found


def widths(jobs: Jobs, most: int = 200) -> list[float]:
    """Median width at the end of a job over that of Wilcoxon's 95% interval there, by metric.

    Of the first ``most`` jobs, as far as both are bounded.
    """
    found = []
    for sample, zone in zip(jobs.samples, ZONES, strict=True):
        ratios = []
        for job, pairs in enumerate(jobs.ended[:most].tolist()):
            errors = None if sample.errors is None else sample.errors[job, :pairs]
            low, high = interval_of(Sample(sample.d[job, :pairs], errors), zone)
            fixed = confidence_interval(sample.d[job, :pairs])
            if math.isfinite(high - low) and math.isfinite(fixed[1]):
                ratios.append((high - low) / (fixed[1] - fixed[0]))
        found.append(float(np.median(ratios)) if ratios else math.nan)
    return found


def interval_of(sample: Sample, zone: Zone) -> tuple[float, float]:
    """`verdict.metric_intervals` of one metric by itself."""
    mirrored = sample.mirrored()
    ends = []
    for one, threshold, anchor in (
        (sample, LOW_THRESHOLD, zone.d0),
        (mirrored, zone.threshold_pass, -zone.d1),
    ):
        largest = running_fail_evidence(one, anchor, zone.scale).max(initial=0.0)
        reached = bool(largest >= math.log(threshold))
        ends.append(Bound(one, one, zone.scale, math.log(threshold), anchor, reached))
    low, high = lower_bounds(ends)
    return low, -high


def half_found(unchanged: Jobs, metric: int) -> float:
    """Relative change of one metric, the others unchanged, that half of the jobs fail."""
    others = np.delete(unchanged.let_by_metric, metric, axis=0).all(axis=0)
    zone = ZONES[metric]
    low, high = zone.d0, zone.d0 + 6 * PAIR_SD[metric]
    unmoved = unchanged.samples[metric]
    for _ in range(12):
        middle = (low + high) / 2
        sample = unmoved.shifted(middle)
        products = np.cumsum(log_factors(sample, zone.d0, zone.scale), axis=-1)
        passed = _when(others & lets_pass(sample, products, zone))
        fail = first(mixed(products), zone.threshold_fail)
        enough = (fail <= np.minimum(passed, GATE.max_pairs)).mean() >= 0.5
        low, high = (low, middle) if enough else (middle, high)
    return math.expm1(high)


def only(metric: int, change: float) -> tuple[float, ...]:
    """That metric changed, the others not."""
    return tuple(change if i == metric else 0.0 for i in range(len(ZONES)))
