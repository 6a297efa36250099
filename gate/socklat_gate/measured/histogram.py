"""Log-linear latency histograms with the bucket indices of HdrHistogram at 2 significant digits.

A value v (ns) with b = max(0, floor(log2 v) - 7) lands in bucket (b << 7) + (v >> b): 128
sub-buckets an octave, so a bucket's width is at most 1/128 = 0.78% of its lower edge.  The kernel
side is ``bpf/histogram.h``; the geometry is ``bpf/layout.h``.  Reference for the indices:
HdrHistogram's ``countsArrayIndex`` with unit magnitude 0 and sub-bucket half-count magnitude 7.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.buckets import (
    BAND_COUNT,
    BAND_SUB_BITS,
    BUCKETS,
    MAX_BITS,
    MAX_NS,
    SUB_BITS,
)

__all__ = [
    "BAND_COUNT",
    "BAND_SUB_BITS",
    "BUCKETS",
    "MAX_NS",
    "SUB_BITS",
    "Histogram",
    "band_edges_ns",
    "bucket_edges_ns",
    "index_of",
]

Counts = npt.NDArray[np.uint64]


def index_of(values_ns: npt.ArrayLike, sub_bits: int = SUB_BITS) -> npt.NDArray[np.int64]:
    """Bucket index of each value; values beyond `MAX_NS` go to the last bucket.

    Raises `ValueError` for negative values.
    """
    values = np.asarray(values_ns, dtype=np.int64)
    if np.any(values < 0):
        raise ValueError("a latency cannot be negative")
    values = np.minimum(values, MAX_NS)
    # frexp is exact for integers below 2**53: its exponent is floor(log2 v) + 1 for v >= 1.
    log2 = np.frexp(np.maximum(values, 1).astype(np.float64))[1].astype(np.int64) - 1
    shift = np.maximum(0, log2 - sub_bits)
    return np.asarray((shift << sub_bits) + (values >> shift), dtype=np.int64)


def _edges(sub_bits: int) -> npt.NDArray[np.int64]:
    count = (MAX_BITS - sub_bits + 1) << sub_bits
    index = np.arange(count + 1, dtype=np.int64)
    shift = np.maximum(0, (index >> sub_bits) - 1)
    edges: npt.NDArray[np.int64] = (index - (shift << sub_bits)) << shift
    edges.setflags(write=False)
    return edges


@lru_cache(maxsize=1)
def bucket_edges_ns() -> npt.NDArray[np.int64]:
    """Lower edges of all buckets and the end of the last one; shape (BUCKETS + 1,)."""
    return _edges(SUB_BITS)


@lru_cache(maxsize=1)
def band_edges_ns() -> npt.NDArray[np.int64]:
    """Edges of the bands of response latency; shape (BAND_COUNT + 1,)."""
    return _edges(BAND_SUB_BITS)


class Histogram:
    """Immutable counts per bucket, of which only those that are not 0 take memory.

    A job holds tens of thousands of them: by pair, arm, name of the request and stage.
    """

    __slots__ = ("_count", "_used")

    def __init__(self, counts: npt.ArrayLike) -> None:
        """``counts`` of shape (BUCKETS,), none negative; they are copied."""
        given = np.asarray(counts)
        if given.shape != (BUCKETS,):
            raise ValueError(f"a histogram has {BUCKETS} buckets, not {given.shape}")
        used = np.flatnonzero(given)
        self._used = used.astype(np.uint16)
        self._count: Counts = given[used].astype(np.uint64)

    @property
    def counts(self) -> Counts:
        """Count of every bucket, shape (BUCKETS,), dtype uint64; an array of its own, read-only."""
        counts = np.zeros(BUCKETS, dtype=np.uint64)
        counts[self._used] = self._count
        counts.setflags(write=False)
        return counts

    @classmethod
    def empty(cls) -> Histogram:
        """A histogram without values."""
        return cls(np.zeros(BUCKETS, dtype=np.uint64))

    @classmethod
    def of(cls, values_ns: npt.ArrayLike) -> Histogram:
        """Histogram of single values in ns."""
        index = index_of(values_ns).ravel()
        return cls(np.bincount(index, minlength=BUCKETS).astype(np.uint64))

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """Sum of histograms; associative and commutative, exact."""
        total = np.zeros(BUCKETS, dtype=np.uint64)
        for histogram in histograms:
            total[histogram._used] += histogram._count
        return cls(total)

    def per_band(self) -> Counts:
        """Number of values in each band, shape (BAND_COUNT,): bands are whole runs of buckets."""
        starts = np.searchsorted(bucket_edges_ns(), band_edges_ns())
        totals = np.concatenate((np.zeros(1, np.uint64), np.cumsum(self.counts)))
        return np.asarray(np.diff(totals[starts]), dtype=np.uint64)

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(self.counts + other.counts)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Histogram)
            and np.array_equal(self._used, other._used)
            and np.array_equal(self._count, other._count)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def total(self) -> int:
        """Number of recorded values."""
        return int(self._count.sum())

    def quantile_ns(self, q: float) -> float:
        """Value below which a share ``q`` of the values lies, in ns; NaN when empty.

        Interpolates linearly inside the bucket that holds rank q*n, counting the values as spread
        evenly over it, so the error is below the bucket's width: 0.78%.
        """
        return float(self.quantiles_ns([q])[0])

    def quantiles_ns(self, qs: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """`quantile_ns` for several shares at once; same shape as ``qs``.

        Raises `ValueError` for a share outside [0, 1].
        """
        shares = np.asarray(qs, dtype=np.float64)
        if np.any(~((shares >= 0) & (shares <= 1))):
            raise ValueError("a quantile lies in [0, 1]")
        n = self.total
        if n == 0:
            return np.full(shares.shape, np.nan)
        edges = bucket_edges_ns()
        cumulative = np.cumsum(self._count).astype(np.float64)
        at = np.minimum(np.searchsorted(cumulative, shares * n, side="left"), cumulative.size - 1)
        bucket = self._used[at].astype(np.int64)
        inside = self._count[at].astype(np.float64)
        rank_in_bucket = shares * n - (cumulative[at] - inside)
        # Values are whole ns: a bucket of one value gives that value.
        width = (edges[bucket + 1] - 1 - edges[bucket]).astype(np.float64)
        return np.asarray(edges[bucket] + width * np.clip(rank_in_bucket / inside, 0.0, 1.0))

    def mean_ns(self) -> float:
        """Mean from bucket midpoints, in ns (error below 0.4%); NaN when empty."""
        n = self.total
        if n == 0:
            return float("nan")
        edges = bucket_edges_ns()
        used = self._used.astype(np.int64)
        middles = (edges[used] + edges[used + 1] - 1) / 2.0
        return float(np.dot(middles, self._count.astype(np.float64)) / n)

    def max_ns(self) -> int:
        """Largest value that the highest used bucket can hold, in ns; 0 when empty."""
        return int(bucket_edges_ns()[int(self._used[-1]) + 1] - 1) if self._used.size else 0

    def at_least(self, value_ns: int) -> int:
        """How many values lie in buckets that begin at ``value_ns`` or above."""
        return int(self._count[bucket_edges_ns()[self._used] >= value_ns].sum())

    def exceeding(self, q: float) -> float:
        """How many values lie beyond quantile ``q``: what its estimate rests on."""
        return self.total * (1.0 - q)
