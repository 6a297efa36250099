"""Which rate, duration, containers and pairs per start decide this service's jobs soonest.

From A/A pairs two parts of a metric's noise are known: what sampling does to it, by the pairs' own
histograms (Woodruff, `verdict.precision`), which falls with the root of the exchanges, and the
rest, which is taken to stay whatever the setting is: more pairs per start, or more containers, are
not promised to lower it.  With the time that a start takes beside its runs that gives, for any
setting, how many clusters a job needs, and how long they take.

A job grows its evidence by the mean growth per cluster (as in `verdict.power`).  Clusters to a
pass are those of equal arms until every metric lets pass; to a failure those until a change of the
regression threshold fails by the metric that needs the most.  It is a proposal: a rate or a
duration changes what a service does, so a gate by it is worth its own study.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.measured.calibration import Proposal, Setting
from socklat_gate.scenario.exceeding import WANTED_EXCEEDING
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.evidence import log_factors, mixed
from socklat_gate.verdict.resampling import MetricTest
from socklat_gate.verdict.sample import Sample, sample_of_units
from socklat_gate.verdict.starts import blocks_to_pass

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate

__all__ = ["Timing", "clusters_needed", "noise_of", "propose"]

RATES = (0.5, 1.0, 2.0)
DURATIONS = (0.5, 1.0, 2.0)
SIZES = (1, 2, 4)
PAIRS_PER_START = (1, 2, 4)

LEAST_S = 2.0
"""No run is proposed to be shorter."""

MOST_BUSY = 0.4
"""Share of all CPUs that a proposed rate may take, as where the job finds the rate."""

SLOWER_START = 0.5
"""A start of k + k containers takes 1 + this * (k - 1) times as long (docs/lab/blocks.md)."""

WORTH = 0.9
"""Another setting is proposed where it takes at most this part of the present one's time."""

DRAWN = 240
MOST_CLUSTERS = 200


@dataclass(frozen=True, slots=True)
class Timing:
    """The present setting, as it was measured.

    ``rate`` is requests a second and arm (None: not the gate's to choose), ``duration_s`` and
    ``warmup_s`` are of one run, ``start_s`` is all that a cluster takes beside its runs.  ``busy``
    is the share of all CPUs; ``exchanges`` has how many an arm had in a run for each metric of a
    quantile.  ``sizes`` are the numbers of containers that this scenario can have, and
    ``watch_minutes`` are those of the watch, which a pass waits for in any setting.
    """

    rate: float | None
    duration_s: float
    warmup_s: float
    start_s: float
    busy: float
    exchanges: dict[str, float]
    containers: int = 1
    pairs_per_start: int = 1
    sizes: tuple[int, ...] = SIZES
    watch_minutes: float = 0.0

    def cluster_s(self, setting: Setting) -> float:
        """How long a cluster of that setting takes."""
        alone_s = self.start_s / (1 + SLOWER_START * (self.containers - 1))
        start_s = alone_s * (1 + SLOWER_START * (setting.containers - 1))
        return start_s + setting.pairs_per_start * (self.warmup_s + setting.duration_s)


def propose(tests: Sequence[MetricTest], gate: Gate, timing: Timing) -> Proposal | None:
    """The setting whose jobs are decided soonest beside the present one; None where none can be.

    ``tests`` are those of the study.  Soonest is the least sum of both times, to a pass of equal
    arms and to the failure of a change.
    """
    if not tests or gate.interleave == "block":
        return None
    noises = [noise_of(test) for test in tests]

    @cache  # many settings have equally many exchanges
    def slowest(more: float, containers: int) -> tuple[float, float]:
        found = [
            clusters_needed(test, noise.sample(more, containers))
            for test, noise in zip(tests, noises, strict=True)
        ]
        return max(one for one, _ in found), max(one for _, one in found)

    quantiles = {metric.name: metric.quantile for metric in gate.compared}
    present = _with_times(slowest, gate, timing, _present(timing))
    found = [
        _with_times(slowest, gate, timing, setting) for setting in _settings(timing, quantiles)
    ]
    best = min(found, key=_total, default=present)
    if not math.isfinite(_total(best)) or _total(best) > WORTH * _total(present):
        best = present
    return Proposal(present, best)


def _present(timing: Timing) -> Setting:
    return Setting(timing.rate, timing.duration_s, timing.containers, timing.pairs_per_start)


def _settings(timing: Timing, quantiles: dict[str, float | None]) -> Iterator[Setting]:
    """All that are no heavier than allowed and leave every quantile enough exchanges."""
    least = min(1.0, max((_least(timing, name, q) for name, q in quantiles.items()), default=0.0))
    rates = RATES if timing.rate is not None else (1.0,)
    for faster, longer, size, pairs in product(rates, DURATIONS, timing.sizes, PAIRS_PER_START):
        duration_s = timing.duration_s * longer
        if longer < 1 and duration_s < LEAST_S:
            continue
        if faster > 1 and timing.busy * faster > MOST_BUSY:
            continue
        if faster * longer < least * (1 - 1e-9):
            continue
        rate = None if timing.rate is None else timing.rate * faster
        yield Setting(rate, duration_s, size, pairs)


def _least(timing: Timing, name: str, quantile: float | None) -> float:
    """Part of the present exchanges that the metric needs."""
    have = timing.exchanges.get(name, 0.0)
    return 0.0 if quantile is None or not have else WANTED_EXCEEDING / ((1 - quantile) * have)


def _with_times(
    slowest: Callable[[float, int], tuple[float, float]],
    gate: Gate,
    timing: Timing,
    setting: Setting,
) -> Setting:
    """``slowest`` gives the clusters to a pass and to a failure, of the slowest metric each."""
    more = setting.duration_s / timing.duration_s * setting.pairs_per_start / timing.pairs_per_start
    if timing.rate is not None and setting.rate is not None:
        more *= setting.rate / timing.rate
    passing, failing = slowest(round(more, 9), setting.containers)
    each_s = timing.cluster_s(setting)
    exposed = gate.spikes.watch_s if gate.spikes.enabled else 0.0
    least = exposed / (setting.duration_s * setting.pairs_per_start)
    return Setting(
        setting.rate,
        setting.duration_s,
        setting.containers,
        setting.pairs_per_start,
        _minutes(max(passing, math.ceil(least)), each_s, timing.watch_minutes),
        _minutes(failing, each_s),
    )


def _minutes(clusters: float, each_s: float, least: float = 0.0) -> float | None:
    return max(least, clusters * each_s / 60) if math.isfinite(clusters) else None


def _total(setting: Setting) -> float:
    times = (setting.minutes_to_pass, setting.minutes_to_fail)
    return sum(math.inf if one is None else one for one in times)


@dataclass(frozen=True, slots=True)
class _Noise:
    """Standardised residuals of a study's clusters, and what they were scaled by."""

    residuals: Floats
    sampling: float
    rest: float

    def sample(self, more: float, containers: int) -> Sample:
        """Clusters of equal arms with ``more`` times the exchanges, of k + k containers.

        Seeded, with each residual once as it is and once mirrored.
        """
        sampling = self.sampling / more
        spread = math.sqrt(sampling + self.rest)
        rng = np.random.default_rng(0)
        shape = (DRAWN // 2, 2, containers)
        drawn = rng.choice(self.residuals, shape) * spread * math.sqrt(containers / 2)
        errors = np.full(DRAWN, math.sqrt(sampling)) if sampling else None
        return sample_of_units(np.concatenate([drawn, drawn[:, ::-1]]), errors)


def noise_of(test: MetricTest) -> _Noise:
    """Of the study's clusters: variance by sampling (their median), and all that is more.

    Of CPU time no sampling is known: all of it is taken to stay.
    """
    centred = test.sample.d - hodges_lehmann(test.sample.d)
    total = float(np.var(centred, ddof=1))
    errors = test.sample.errors
    known = errors[np.isfinite(errors)] if errors is not None else np.zeros(0)
    sampling = min(total, float(np.median(known**2))) if known.size else 0.0
    spread = math.sqrt(total) or 1.0
    both = np.concatenate([centred, -centred]) / spread
    return _Noise(both, sampling, total - sampling)


def clusters_needed(test: MetricTest, noise: Sample) -> tuple[float, float]:
    """Clusters to a pass of equal arms, and to the failure of a change of the threshold.

    ``noise`` are clusters of equal arms.  Infinite where not within `MOST_CLUSTERS`.
    """
    clusters = np.arange(1, MOST_CLUSTERS + 1, dtype=np.float64)
    fewest = 1 + blocks_to_pass(noise.containers, 1)
    passing = _first(noise.mirrored(), -test.d1, test.scale, test.threshold_pass, clusters)
    failing = _first(noise.shifted(test.d1), test.d0, test.scale, test.threshold_fail, clusters)
    return max(passing, fewest), failing


def _first(sample: Sample, zero: float, scale: float, threshold: float, clusters: Floats) -> float:
    growth = log_factors(sample, zero, scale).mean(axis=-1, keepdims=True)
    reached = np.flatnonzero(mixed(growth * clusters) >= math.log(threshold))
    return float(clusters[reached[0]]) if reached.size else math.inf
