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
from socklat_gate.verdict.evidence import Floats, running_fail_evidence, running_pass_evidence
from socklat_gate.verdict.interval import order_statistic, stopping_level
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
    "only",
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


def flipped(noise: Noise) -> Noise:
    """The same noise, given to either arm by a coin flip per pair."""

    def draw(rng: np.random.Generator, jobs: int, pairs: int) -> Floats:
        return np.asarray(noise(rng, jobs, pairs) * rng.choice([-1.0, 1.0], (jobs, pairs)))

    return draw


NOISES: dict[str, Noise] = {
    "normal": normal,
    "heavy-tailed (10% of pairs x5)": heavy_tailed,
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

    d: Floats
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


def decided(noise: Floats, changes: Sequence[float], spikes: Floats | None = None) -> Jobs:
    """Jobs with these log changes by metric; ``spikes``: when each fails by its spikes."""
    d = np.array(PAIR_SD)[:, None, None] * noise + np.array(changes)[:, None, None]
    weighted, let = [], []
    for values, zone in zip(d, ZONES, strict=True):
        evidence = running_fail_evidence(values, zone.d0, zone.scale)
        weighted.append(evidence - math.log(zone.threshold_fail))
        let.append(lets_pass(values, evidence, zone))
    together = np.array(weighted)
    fail = _when(np.logaddexp.reduce(together, axis=0) >= 0.0)
    any_fail = fail if spikes is None else np.minimum(fail, spikes)
    at = np.minimum(fail, d.shape[2]).astype(np.intp) - 1
    named = e_bh_of_jobs(together[:, np.arange(d.shape[1]), at]) & np.isfinite(fail)
    by_metric = np.where(named, fail, np.inf)
    passed = _when(np.logical_and.reduce(let))
    return Jobs(d, any_fail, passed, by_metric, np.array(let))


def lets_pass(values: Floats, evidence_fail: Floats, zone: Zone) -> Bools:
    """After each pair: evidence to pass was reached, and that to fail is at most 1 now."""
    evidence = running_pass_evidence(values, zone.d1, zone.scale)
    reached = np.logical_or.accumulate(evidence >= math.log(zone.threshold_pass), axis=-1)
    return np.asarray(reached & (evidence_fail <= 0.0))


def first(log_evidence: Floats, needed: float) -> Floats:
    """Number of the pair at which each job reaches the threshold, inf when never."""
    return _when(log_evidence >= math.log(needed))


def _when(reached: Bools) -> Floats:
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)


def coverage(jobs: Jobs, changes: Sequence[float]) -> list[float]:
    """Share of jobs whose 95% interval holds the truth at the end of the job, by metric."""
    found = []
    for d, failed_at, zone, change in zip(jobs.d, jobs.fail_by_metric, ZONES, changes, strict=True):
        hit = np.zeros(d.shape[0], dtype=bool)
        own = failed_at <= jobs.ended
        for pairs in np.unique(jobs.ended):
            for failed in (False, True):
                which = (jobs.ended == pairs) & (own == failed)
                level = stopping_level(int(pairs), zone.threshold_fail, failed=failed)
                hit[which] = _holds(d[which, :pairs] - change, level)
        found.append(float(hit.mean()))
    return found


def _holds(noise: Floats, level: float) -> npt.NDArray[np.bool_]:
    """`verdict.interval.confidence_interval` of many jobs at once: does it hold 0?"""
    pairs = noise.shape[1]
    found = order_statistic(pairs, level)
    if found is None or not noise.size:
        return np.ones(noise.shape[0], dtype=bool)
    rank, weight = found
    one, other = np.triu_indices(pairs)
    walsh = np.sort((noise[:, one] + noise[:, other]) / 2.0, axis=1)
    last = walsh.shape[1] - 1
    inner = min(rank + 1, last)
    low = weight * walsh[:, rank] + (1 - weight) * walsh[:, inner]
    high = weight * walsh[:, last - rank] + (1 - weight) * walsh[:, last - inner]
    return np.asarray((low <= 0) & (high >= 0))


def half_found(noise: Floats, unchanged: Jobs, metric: int) -> float:
    """Relative change of one metric, the others unchanged, that half of the jobs fail."""
    others = np.delete(unchanged.let_by_metric, metric, axis=0).all(axis=0)
    zone = ZONES[metric]
    low, high = zone.d0, zone.d0 + 6 * PAIR_SD[metric]
    for _ in range(12):
        middle = (low + high) / 2
        d = PAIR_SD[metric] * noise[metric] + middle
        evidence = running_fail_evidence(d, zone.d0, zone.scale)
        passed = _when(others & lets_pass(d, evidence, zone))
        fail = first(evidence, zone.threshold_fail)
        enough = (fail <= np.minimum(passed, GATE.max_pairs)).mean() >= 0.5
        low, high = (low, middle) if enough else (middle, high)
    return math.expm1(high)


def only(metric: int, change: float) -> tuple[float, ...]:
    """That metric changed, the others not."""
    return tuple(change if i == metric else 0.0 for i in range(len(ZONES)))
