"""What a peer's rule gets to see of many jobs: pooled requests, and values per run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import bucket_edges_ns
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.verdict.arrays import Floats
from tests.benchmarks.jobs import Draw

__all__ = ["QUANTILES", "Requests", "Sample", "pooled_quantiles_ns", "requests_of", "samples"]

QUANTILES = (0.5, 0.9, 0.99)
"""The values that a rule judges where it judges values: one benchmark each."""

AT_ONCE = 250
"""Jobs in memory at a time."""


@dataclass(frozen=True, slots=True)
class Requests:
    """A set's raw requests, as counted without any correction, by the buckets that are used.

    ``counts`` has shape (2, pairs, buckets), baseline first; ``low_ns`` and ``high_ns`` are each
    bucket's smallest and largest value; ``values_ns``, shape (2, quantiles, pairs), holds the
    quantiles of every run.
    """

    counts: Floats
    low_ns: Floats
    high_ns: Floats
    values_ns: Floats

    @property
    def middle_ns(self) -> Floats:
        """What a request in a bucket is taken to have lasted, shape (buckets,)."""
        return (self.low_ns + self.high_ns) / 2


@dataclass(frozen=True, slots=True)
class Sample:
    """Some jobs: their requests pooled by arm, and the values of their runs.

    ``baseline`` and ``candidate`` have shape (jobs, buckets), ``baseline_ns`` and ``candidate_ns``
    shape (jobs, quantiles, pairs).
    """

    requests: Requests
    baseline: Floats
    candidate: Floats
    baseline_ns: Floats
    candidate_ns: Floats


def requests_of(pairs: Sequence[Pair]) -> Requests:
    """The raw ``service`` histograms of pairs."""
    histograms = [[pair.arm(arm).histograms["service"] for pair in pairs] for arm in ARMS]
    counts = np.array([[h.counts for h in row] for row in histograms], dtype=np.float64)
    used = np.flatnonzero(counts.any(axis=(0, 1)))
    edges = bucket_edges_ns()
    values = [[h.quantiles_ns(QUANTILES) for h in row] for row in histograms]
    return Requests(
        counts=counts[:, :, used],
        low_ns=edges[used].astype(np.float64),
        high_ns=(edges[used + 1] - 1).astype(np.float64),
        values_ns=np.array(values).transpose(0, 2, 1),
    )


def samples(requests: Requests, jobs: Draw) -> Iterator[Sample]:
    """The jobs, `AT_ONCE` at a time, in order."""
    pairs = requests.counts.shape[1]
    for start in range(0, jobs.index.shape[0], AT_ONCE):
        index, swapped = jobs.index[start : start + AT_ONCE], jobs.swapped[start : start + AT_ONCE]
        straight, crossed = _times(index, ~swapped, pairs), _times(index, swapped, pairs)
        one, two = requests.counts
        first, second = requests.values_ns[:, :, index].transpose(0, 2, 1, 3)
        turned = swapped[:, np.newaxis, :]
        yield Sample(
            requests=requests,
            baseline=straight @ one + crossed @ two,
            candidate=straight @ two + crossed @ one,
            baseline_ns=np.where(turned, second, first),
            candidate_ns=np.where(turned, first, second),
        )


def pooled_quantiles_ns(requests: Requests, pooled: Floats) -> Floats:
    """Quantiles of pooled requests, shape (jobs, buckets) -> (jobs, quantiles)."""
    total = np.cumsum(pooled, axis=1)
    found = np.empty((pooled.shape[0], len(QUANTILES)))
    every = np.arange(pooled.shape[0])
    for column, quantile in enumerate(QUANTILES):
        rank = quantile * total[:, -1]
        at = (total < rank[:, np.newaxis]).sum(axis=1)
        inside = pooled[every, at]
        share = (rank - (total[every, at] - inside)) / inside
        width = requests.high_ns[at] - requests.low_ns[at]
        found[:, column] = requests.low_ns[at] + width * share
    return found


def _times(
    index: npt.NDArray[np.intp], chosen: npt.NDArray[np.bool_], pairs: int
) -> npt.NDArray[np.float64]:
    """How often each job drew each pair where ``chosen``; shape (jobs, pairs of the set)."""
    jobs = index.shape[0]
    flat = (np.arange(jobs)[:, np.newaxis] * pairs + index)[chosen]
    return np.bincount(flat, minlength=jobs * pairs).reshape(jobs, pairs).astype(np.float64)
