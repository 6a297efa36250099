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
from socklat_gate.verdict.evidence import (
    RATES,
    log_factors,
    mixed,
    running_pass_evidence,
    strictest,
)
from socklat_gate.verdict.log_ratios import metric_log_ratios
from socklat_gate.verdict.metric_samples import metric_samples
from socklat_gate.verdict.precision import block_errors, log_quantile_errors
from socklat_gate.verdict.sample import Sample
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
    assert candidate_alone == pytest.approx(calm)
    assert both > 100 * calm
    of_two = float(block_errors([[[0.01, 0.01], [0.01, 0.01]]])[0])
    assert float(block_errors([[[0.01, 0.01], [5.0, 5.0]]])[0]) == pytest.approx(of_two)


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


def share_passed(slow_sigma: float, fast_sigma: float, slow: float, share: float) -> float:
    """Jobs of 40 pairs that pass with a candidate that is slow in a share of its starts."""
    rng = np.random.default_rng(9)
    q = [0.5]

    def run(sigma: float, scale: float = 1.0) -> Histogram:
        return Histogram.of(scale * np.exp(rng.normal(13.0, sigma, 2000)))

    d, errors = [], []
    for at in range(200):
        is_slow = at < 200 * share
        baseline = run(0.3)
        candidate = run(slow_sigma, 1 + slow) if is_slow else run(fast_sigma)
        both = [baseline, candidate]
        d.append(math.log(candidate.quantile_ns(0.5) / baseline.quantile_ns(0.5)))
        errors.append([[log_quantile_errors(one, one, q, 0.5)[0]] for one in both])
    chosen = rng.integers(0, 200, (1500, 40))
    d0, d1 = math.log(1.02), math.log(1.05)
    sample = Sample(np.array(d)[chosen], block_errors(errors)[chosen])
    products = np.cumsum(log_factors(sample, d0, d1 - d0), axis=-1)
    passing = np.maximum.accumulate(running_pass_evidence(sample, d1, d1 - d0), axis=1)
    let = (passing >= math.log(20)) & (strictest(products) <= 0.0)
    failed = mixed(products) >= math.log(800)
    first_fail, first_pass = (
        np.where(one.any(axis=1), one.argmax(axis=1), 99) for one in (failed, let)
    )
    return float((first_pass < first_fail).mean())


@pytest.mark.parametrize(
    ("slow_sigma", "fast_sigma"), [(1.5, 0.3), (0.3, 0.003), (1.5, 0.003), (0.9, 0.1)]
)
def test_a_candidate_cannot_pass_by_how_precise_it_is_when_it_is_fast(
    slow_sigma: float, fast_sigma: float
) -> None:
    """Half of its starts are slow by more than twice the threshold."""
    same_shape = share_passed(0.3, 0.3, 0.12, 0.5)
    assert same_shape < 0.06
    assert share_passed(slow_sigma, fast_sigma, 0.12, 0.5) < 0.08


def test_a_quantile_in_a_gap_gives_its_pair_no_weight() -> None:
    """Half of the requests take twice as long: their median is anywhere between, in both arms."""
    half = SERVICE_NS[2500:3500]
    in_gap = error(np.concatenate([half, 4 * half]))
    assert in_gap > 0.3
    errors = block_errors(np.full((6, 2, 1), in_gap))
    factors = log_factors(Sample(np.full(6, -0.5), errors).mirrored(), -0.05, 0.03)
    even, by_precision = factors[: len(RATES)], factors[len(RATES) :]
    # Six such pairs pass by the half that knows nothing of it, and say nothing in the other.
    assert float(even.sum(axis=1).max()) > math.log(20)
    assert float(by_precision.sum(axis=1).max()) < math.log(2)
