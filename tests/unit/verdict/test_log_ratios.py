from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.facts import Lack, Note, NoteCode, Shortfall
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.verdict.judged_values import run_quantile_ns
from socklat_gate.verdict.log_ratios import pair_log_ratios
from socklat_gate.verdict.overlap import overlap_fact, overlap_share
from socklat_gate.wording.reasons import reason_text
from socklat_gate.wording.shared_facts import shortfall_text

from .builders import pair_of, pairs_with, run_of, scaled_run


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99])
def test_log_ratio_of_known_changes(quantile: float) -> None:
    found = pair_log_ratios(pairs_with([0.0, 0.1, -0.2]), "service", quantile)
    np.testing.assert_allclose(found.log_ratios, [0.0, 0.1, -0.2], atol=0.004)
    assert found.shortfalls == ()
    assert found.usable.all()


def test_swapped_arms_change_the_sign_only() -> None:
    pairs = pairs_with([0.1, -0.2])
    swapped = [replace(p, baseline=p.candidate, candidate=p.baseline) for p in pairs]
    forward = pair_log_ratios(pairs, "service", 0.9)
    backward = pair_log_ratios(swapped, "service", 0.9)
    np.testing.assert_array_equal(backward.log_ratios, -forward.log_ratios)


def test_pairs_set_aside_are_not_looked_at() -> None:
    pairs = pairs_with([0.0, 0.1])
    aside = pair_of(run_of([]), run_of([]), 2, excluded=Note(NoteCode.STEAL))
    found = pair_log_ratios([*pairs, aside], "service", 0.5)
    assert found.log_ratios.shape == (2,)
    assert found.shortfalls == ()


def test_an_arm_without_exchanges_is_named_not_dropped() -> None:
    pairs = [*pairs_with([0.0]), pair_of(scaled_run(0.0), run_of([]), 7)]
    found = pair_log_ratios(pairs, "service", 0.5)
    assert found.usable.tolist() == [True, False]
    assert found.log_ratios.shape == (1,)
    assert math.isnan(found.candidate_ns[1])
    (shortfall,) = found.shortfalls
    assert (shortfall.pair, shortfall.arm) == (7, "candidate")


@pytest.mark.parametrize(("quantile", "enough"), [(0.5, 100), (0.9, 500), (0.99, 5000)])
def test_fifty_exchanges_beyond_the_quantile_are_enough(quantile: float, enough: int) -> None:
    value, shortfall = run_quantile_ns(run_of(np.full(enough, 1000)), "service", quantile)
    assert shortfall is None
    assert value == pytest.approx(1000, rel=0.01)
    value, shortfall = run_quantile_ns(run_of(np.full(enough - 1, 1000)), "service", quantile)
    assert math.isnan(value)
    assert shortfall is not None
    assert (shortfall.lack, shortfall.exchanges) == (Lack.EXCHANGES, enough - 1)
    assert "50 are needed" in shortfall_text(shortfall, "service", quantile)


def test_a_stage_that_was_not_measured_is_a_shortfall() -> None:
    run = replace(scaled_run(0.0), histograms={"service": Histogram.empty()})
    shortfall = run_quantile_ns(run, "recv_wait", 0.5)[1]
    assert shortfall == Shortfall(Lack.STAGE)
    assert "stage recv_wait was not measured" in shortfall_text(shortfall, "recv_wait", 0.5)


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
    assert overlap_fact(runs, "baseline", 0.01) is None
    fact = overlap_fact(runs, "baseline", 0.009)
    assert fact is not None
    text = reason_text(fact, Verdict(Outcome.INCONCLUSIVE, (fact,)))
    assert "1.00% of the baseline's exchanges" in text


def test_overlap_without_recorded_exchanges() -> None:
    assert overlap_share([]) == 0.0
    assert overlap_share([run_of([], counters={"overlapped": 0, "recorded": 0})]) == 0.0
    assert overlap_share([run_of([], counters={"overlapped": 3, "recorded": 0})]) == math.inf


def test_a_missing_counter_is_no_zero() -> None:
    with pytest.raises(InvalidMeasurement, match="overlapped") as caught:
        overlap_share([scaled_run(0.0, {"recorded": 10})])
    assert caught.value.reason is Reason.EVENTS_LOST
    assert caught.value.remedy
