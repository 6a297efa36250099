import math
import pickle

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from socklat_gate.measured.histogram import (
    BAND_COUNT,
    BAND_SUB_BITS,
    BUCKETS,
    MAX_NS,
    Histogram,
    band_edges_ns,
    bucket_edges_ns,
    index_of,
)

latencies = st.one_of(
    st.integers(0, MAX_NS),
    st.integers(0, 36).map(lambda bits: min((1 << bits), MAX_NS)),
    st.integers(1, 36).map(lambda bits: (1 << bits) - 1),
)
histograms = st.lists(latencies, max_size=30).map(Histogram.of)

BUCKET_WIDTH = 1 / 128


@settings(max_examples=300, deadline=None)
@given(latencies)
def test_index_equals_the_reference_library_s(value):
    oracle = HdrHistogram(1, MAX_NS, 2)
    assert oracle.counts_len == BUCKETS
    assert index_of(value) == oracle._counts_index_for(value)


@given(latencies)
def test_a_value_lies_between_the_edges_of_its_bucket_and_band(value):
    for edges, index in [
        (bucket_edges_ns(), index_of(value)),
        (band_edges_ns(), index_of(value, BAND_SUB_BITS)),
    ]:
        assert edges[index] <= value < edges[index + 1]


def test_buckets_are_narrow_and_contiguous():
    edges = bucket_edges_ns()
    assert edges.shape == (BUCKETS + 1,)
    assert edges[0] == 0
    assert edges[-1] == MAX_NS + 1
    widths = np.diff(edges)
    assert np.all(widths >= 1)
    assert np.all(widths[128:] / edges[128:-1] <= BUCKET_WIDTH)


def test_band_edges_cover_the_range_and_coincide_with_bucket_edges():
    edges = band_edges_ns()
    assert edges.shape == (BAND_COUNT + 1,)
    assert (edges[0], edges[-1]) == (0, MAX_NS + 1)
    assert np.all(np.diff(edges) > 0)
    assert np.isin(edges, bucket_edges_ns()).all()


@given(histograms)
def test_bands_are_whole_runs_of_buckets(histogram):
    of_bucket = index_of(bucket_edges_ns()[:-1], BAND_SUB_BITS)
    counts = np.bincount(of_bucket, weights=histogram.counts, minlength=BAND_COUNT)
    assert np.array_equal(histogram.per_band(), counts)
    assert histogram.per_band().dtype == np.uint64


def test_edges_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        bucket_edges_ns()[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        Histogram.empty().counts[0] = 1


@settings(deadline=None)
@given(histograms, histograms, histograms)
def test_merging_is_associative_and_commutative(a, b, c):
    assert (a + b) + c == a + (b + c) == Histogram.merged([c, a, b])
    assert a + b == b + a
    assert (a + Histogram.empty()) == a
    assert (a + b).total == a.total + b.total


@settings(deadline=None)
@given(st.lists(latencies, max_size=30), st.lists(latencies, max_size=30))
def test_a_merged_histogram_is_that_of_all_values(left, right):
    assert Histogram.of(left) + Histogram.of(right) == Histogram.of(left + right)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("q", [0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0])
def test_quantiles_stay_within_a_bucket_of_the_raw_quantile(seed, q):
    rng = np.random.default_rng(seed)
    values = rng.lognormal(13, 1, 20_000).astype(np.int64)
    found = Histogram.of(values).quantile_ns(q)
    # Rank q*n may fall between two order statistics; each definition picks its own point there.
    lower, higher = (np.quantile(values, q, method=m) for m in ("inverted_cdf", "higher"))
    assert lower * (1 - BUCKET_WIDTH) <= found <= (higher + 1) * (1 + BUCKET_WIDTH)


@settings(deadline=None)
@given(st.lists(latencies, min_size=1, max_size=30), st.lists(st.floats(0, 1), max_size=5))
def test_quantiles_are_monotonic_and_inside_the_used_range(values, qs):
    histogram = Histogram.of(values)
    found = histogram.quantiles_ns(sorted([0.0, *qs, 1.0]))
    assert np.all(np.diff(found) >= 0)
    edges = bucket_edges_ns()
    assert edges[index_of(min(values))] <= found[0]
    assert found[-1] <= edges[index_of(max(values)) + 1]


def test_an_empty_histogram_has_no_quantile():
    empty = Histogram.empty()
    assert math.isnan(empty.quantile_ns(0.5))
    assert math.isnan(empty.mean_ns())
    assert (empty.total, empty.max_ns(), empty.exceeding(0.5)) == (0, 0, 0.0)


def test_one_bucket_interpolates_between_its_edges():
    histogram = Histogram.of([1_000_000] * 10)
    edges = bucket_edges_ns()
    low, high = (edges[index_of(1_000_000) + step] for step in (0, 1))
    assert histogram.quantile_ns(0.0) == low
    assert histogram.quantile_ns(0.5) == (low + high - 1) / 2
    assert histogram.quantile_ns(1.0) == high - 1
    assert histogram.max_ns() == high - 1


def test_values_beyond_the_range_go_to_the_last_bucket():
    histogram = Histogram.of([MAX_NS, MAX_NS + 1, 1 << 62])
    assert histogram.counts[-1] == 3
    assert histogram.max_ns() == MAX_NS


@pytest.mark.parametrize("q", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(q):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        Histogram.of([1]).quantile_ns(q)


def test_a_negative_latency_is_refused():
    with pytest.raises(ValueError, match="negative"):
        index_of([-1])


def test_counts_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="buckets"):
        Histogram(np.zeros(10, dtype=np.uint64))


def test_the_mean_is_within_half_a_bucket():
    values = np.random.default_rng(3).lognormal(13, 1, 20_000).astype(np.int64)
    assert Histogram.of(values).mean_ns() == pytest.approx(values.mean(), rel=BUCKET_WIDTH / 2)


def test_counts_are_an_array_of_their_own_that_cannot_be_written() -> None:
    given = np.zeros(BUCKETS, np.uint64)
    given[[3, 700]] = 2**63, 1
    histogram = Histogram(given)
    given[3] = 0
    assert histogram.counts[3] == 2**63
    with pytest.raises(ValueError, match="read-only"):
        histogram.counts[0] = 1
    with pytest.raises(AttributeError):
        histogram.counts = given  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(histogram)) == histogram


def test_only_counts_that_are_not_0_take_memory() -> None:
    """Tens of thousands of histograms are held by a job with named requests."""
    of_one = len(pickle.dumps(Histogram.of([1000]), protocol=5))
    assert of_one < 1000 < len(pickle.dumps(Histogram.of(range(1_000_000)), protocol=5))
