from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import Pair
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.log_ratios import metric_log_ratios
from socklat_gate.verdict.metric_samples import metric_samples
from socklat_gate.verdict.precision import block_errors, log_quantile_errors
from tests.unit.factories import make_pair, with_correction

from .builders import SERVICE_NS, STEADY, pair_of, run_of, scaled_run

P50 = Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)
CPU = Metric(stage="cpu", quantile=None, tolerance=0.01, regression_threshold=0.03)


def error(values_ns: np.ndarray, quantile: float = 0.5) -> float:
    histogram = Histogram.of(values_ns)
    return float(log_quantile_errors(histogram, histogram, [quantile], 0.5)[0])


def sample_errors(pairs: list[Pair], metric: Metric = P50) -> list[float] | None:
    ratios = metric_log_ratios(pairs, [metric])[metric.name]
    found = metric_samples(ratios, cluster_ids(pairs)).judged.errors
    return None if found is None else found.tolist()


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99])
def test_the_error_is_how_far_the_quantiles_of_samples_scatter(quantile: float) -> None:
    rng = np.random.default_rng(3)
    samples = np.exp(rng.normal(13.0, 0.5, (300, 4000)))
    scatter = np.std(np.log(np.quantile(samples, quantile, axis=1)))
    found = np.mean([error(sample, quantile) for sample in samples[:40]])
    assert found == pytest.approx(float(scatter), rel=0.15)


def test_four_times_the_exchanges_halve_it() -> None:
    assert error(SERVICE_NS[::4]) == pytest.approx(2 * error(SERVICE_NS), rel=0.1)


def test_heavy_weights_make_it_larger_and_equal_ones_change_nothing() -> None:
    rng = np.random.default_rng(5)
    used = Histogram.of(np.exp(rng.normal(13.0, 0.5, 4000)))
    even = Histogram(used.counts * np.uint64(1000))
    assert log_quantile_errors(even, used, [0.5], 0.5)[0] == pytest.approx(
        log_quantile_errors(used, used, [0.5], 0.5)[0], rel=0.05
    )
    # The slowest tenth stands for four times as many: fewer exchanges tell of the same share.
    weights = np.where(
        np.arange(used.counts.size) > np.searchsorted(np.cumsum(used.counts), 3600), 4000, 1000
    )
    heavy = Histogram(used.counts * weights.astype(np.uint64))
    effective = 1 - heavy.counts[weights > 1000].sum() / heavy.total
    assert effective < 0.8
    plain = Histogram((heavy.counts / 1000).astype(np.uint64))
    assert (
        log_quantile_errors(heavy, used, [0.9], 0.5)[0]
        > 1.3 * (log_quantile_errors(plain, plain, [0.9], 0.5)[0])
    )


def test_there_is_none_without_exchanges_and_none_of_cpu_time() -> None:
    nothing = Histogram.empty()
    assert np.isnan(log_quantile_errors(nothing, nothing, [0.5], 0.5)).all()
    assert sample_errors([make_pair(i) for i in range(3)], CPU) is None


def test_a_clock_that_cannot_tell_gives_zero_and_decides_all_the_same() -> None:
    run = run_of(np.full(6000, 100))
    assert sample_errors([pair_of(run, run)]) == [0.0]


@STEADY
@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)), min_size=1, max_size=5))
def test_it_is_the_same_with_the_arms_swapped(changes: list[tuple[float, float]]) -> None:
    pairs = [
        pair_of(scaled_run(one), run_of(np.round(SERVICE_NS ** (1.0 + other / 20))), at)
        for at, (one, other) in enumerate(changes)
    ]
    swapped = [replace(p, baseline=p.candidate, candidate=p.baseline) for p in pairs]
    assert sample_errors(pairs) == sample_errors(swapped)


def test_it_is_the_same_with_the_arms_of_corrected_pairs_swapped() -> None:
    pairs = [with_correction(make_pair(i, 1.3)) for i in range(3)]
    swapped = [replace(p, baseline=p.candidate, candidate=p.baseline) for p in pairs]
    assert sample_errors(pairs) == sample_errors(swapped)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_error_of_a_block_does_not_depend_on_the_labeling(k: int) -> None:
    rng = np.random.default_rng(k)
    errors = rng.uniform(0.01, 0.1, 2 * k)
    found = {
        round(float(block_errors(rng.permutation(errors).reshape(1, 2, k))[0]), 12)
        for _ in range(20)
    }
    assert len(found) == 1


def test_more_containers_are_more_precise() -> None:
    one, four = (block_errors(np.full((1, 2, k), 0.1))[0] for k in (1, 4))
    assert one == pytest.approx(0.1 * math.sqrt(2))
    assert four == pytest.approx(one / 2)


def test_a_pair_loses_no_weight_by_one_arm_alone() -> None:
    """A candidate that is imprecise when it is slow would pass by the pairs in which it is fast."""
    calm = float(block_errors([[[0.01], [0.01]]])[0])
    candidate_alone = float(block_errors([[[0.01], [5.0]]])[0])
    both = float(block_errors([[[5.0], [5.0]]])[0])
    assert candidate_alone < 1.6 * calm
    assert both > 100 * calm


def test_pairs_of_one_start_are_averaged_and_so_are_their_errors() -> None:
    gate = Gate(metrics=[P50])
    pairs = [make_pair(i) for i in range(4)]
    alone = sample_errors(pairs)
    together = sample_errors([replace(pair, start=i // 2) for i, pair in enumerate(pairs)])
    assert alone is not None
    assert together is not None
    assert len(together) == 2
    assert together[0] == pytest.approx(math.hypot(alone[0], alone[1]) / 2, rel=0.1)
    assert gate.metrics[0].quantile == 0.5
