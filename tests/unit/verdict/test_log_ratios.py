from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.histogram import Histogram
from socklat_gate.verdict.log_ratios import pair_log_ratios, run_quantile_ns
from socklat_gate.verdict.overlap import overlap_problem, overlap_share

from .builders import pair_of, pairs_with, run_of, scaled_run


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99])
def test_log_ratio_of_known_changes(quantile: float) -> None:
    found = pair_log_ratios(pairs_with([0.0, 0.1, -0.2]), "service", quantile)
    np.testing.assert_allclose(found.log_ratios, [0.0, 0.1, -0.2], atol=0.004)
    assert found.too_few == ()
    assert found.usable.all()


def test_swapped_arms_change_the_sign_only() -> None:
    pairs = pairs_with([0.1, -0.2])
    swapped = [replace(p, baseline=p.candidate, candidate=p.baseline) for p in pairs]
    forward = pair_log_ratios(pairs, "service", 0.9)
    backward = pair_log_ratios(swapped, "service", 0.9)
    np.testing.assert_array_equal(backward.log_ratios, -forward.log_ratios)


def test_pairs_set_aside_are_not_looked_at() -> None:
    pairs = pairs_with([0.0, 0.1])
    aside = pair_of(run_of([]), run_of([]), 2, excluded="steal 80%")
    found = pair_log_ratios([*pairs, aside], "service", 0.5)
    assert found.log_ratios.shape == (2,)
    assert found.too_few == ()


def test_an_arm_without_exchanges_is_named_not_dropped() -> None:
    pairs = [*pairs_with([0.0]), pair_of(scaled_run(0.0), run_of([]), 7)]
    found = pair_log_ratios(pairs, "service", 0.5)
    assert found.usable.tolist() == [True, False]
    assert found.log_ratios.shape == (1,)
    assert math.isnan(found.candidate_ns[1])
    assert len(found.too_few) == 1
    assert "pair 7, candidate" in found.too_few[0]


@pytest.mark.parametrize(("quantile", "enough"), [(0.5, 100), (0.9, 500), (0.99, 5000)])
def test_fifty_exchanges_beyond_the_quantile_are_enough(quantile: float, enough: int) -> None:
    value, problem = run_quantile_ns(run_of(np.full(enough, 1000)), "service", quantile)
    assert problem == ""
    assert value == pytest.approx(1000, rel=0.01)
    value, problem = run_quantile_ns(run_of(np.full(enough - 1, 1000)), "service", quantile)
    assert math.isnan(value)
    assert "50 are needed" in problem


def test_a_stage_that_was_not_measured_is_said() -> None:
    run = replace(scaled_run(0.0), histograms={"service": Histogram.empty()})
    assert run_quantile_ns(run, "recv_wait", 0.5)[1] == "stage recv_wait was not measured"


def test_one_bucket_and_zeros_give_finite_ratios() -> None:
    same = pair_of(run_of(np.full(200, 777)), run_of(np.full(200, 777)))
    assert pair_log_ratios([same], "service", 0.5).log_ratios.tolist() == [0.0]
    zeros = pair_of(run_of(np.zeros(200)), run_of(np.zeros(200)))
    assert pair_log_ratios([zeros], "service", 0.5).log_ratios.tolist() == [0.0]


def test_no_pairs() -> None:
    found = pair_log_ratios([], "service", 0.5)
    assert found.log_ratios.shape == (0,)
    assert found.usable.shape == (0,)


def test_overlap_share_counts_all_runs() -> None:
    runs = [
        scaled_run(0.0, {"overlapped": 30, "recorded": 1000}),
        scaled_run(0.0, {"overlapped": 0, "recorded": 2000}),
    ]
    assert overlap_share(runs) == pytest.approx(0.01)
    assert overlap_problem(runs, "baseline", 0.01) == ""
    assert "1.0% of the baseline's exchanges" in overlap_problem(runs, "baseline", 0.009)


def test_overlap_without_recorded_exchanges() -> None:
    assert overlap_share([]) == 0.0
    assert overlap_share([run_of([], counters={"overlapped": 0, "recorded": 0})]) == 0.0
    assert overlap_share([run_of([], counters={"overlapped": 3, "recorded": 0})]) == math.inf


def test_a_missing_counter_is_no_zero() -> None:
    with pytest.raises(InvalidMeasurement, match="overlapped") as caught:
        overlap_share([scaled_run(0.0, {"recorded": 10})])
    assert caught.value.reason is Reason.EVENTS_LOST
    assert caught.value.remedy
