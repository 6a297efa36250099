"""The limit to fail by stored numbers: it is the simulated one, and holds on slow days."""

from __future__ import annotations

import math

import numpy as np
import pytest

from socklat_gate.scenario import Gate, Metric
from socklat_gate.verdict.prediction import Prediction, prediction_of
from socklat_gate.verdict.stored_limit import (
    SLOW_DAY,
    day_margin,
    fail_limit,
    multiple_of_range,
    slow_day_campaigns,
)
from tests.benchmarks import stored_days
from tests.benchmarks.stored_days import KINDS, predictions, rates

GATE = Gate()
LEVEL = 1.0 - GATE.alpha_stored(GATE.compared[0])
JOBS = 1500
MOST = 0.01 + 3.3 * math.sqrt(0.01 * 0.99 / JOBS)
"""More than that of the jobs has a chance of 1 in 2000 where 1% are false."""


@pytest.mark.parametrize("campaigns", [5, 17])
@pytest.mark.parametrize("kind", KINDS)
def test_an_unchanged_image_hardly_ever_fails_whatever_days_are_like(
    kind: str, campaigns: int
) -> None:
    found = rates(KINDS[kind], campaigns, JOBS, seed=11)
    assert found.false_fail <= MOST
    assert found.false_pass <= 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / JOBS)


def test_neither_does_it_by_twenty_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    zone = {"tolerance": 0.02, "regression_threshold": 0.05}
    gate = Gate(metrics=[Metric(quantile=0.4 + at / 100, **zone) for at in range(20)])
    monkeypatch.setattr(stored_days, "GATE", gate)
    monkeypatch.setattr(stored_days, "METRICS", gate.compared)
    for kind in ("log-normal, median +10%", "20% slow days, others SD 2%"):
        assert rates(KINDS[kind], 5, JOBS, seed=11).false_fail <= MOST


def test_student_alone_fails_by_slow_days() -> None:
    by_t = rates(KINDS["20% slow days, others SD 2%"], 5, JOBS, seed=11).by_t
    assert by_t > 0.04
    assert rates(KINDS["log-normal, median +5%"], 8, JOBS, seed=11).by_t > 0.04


def test_the_simulation_predicts_as_the_verdict_does() -> None:
    runs = np.random.default_rng(3).normal(0, 0.02, (4, 2, 7, 5))
    runs[2] = 0.25  # without any spread
    found = predictions(runs)
    for job, metric in np.ndindex(4, 2):
        one = prediction_of(list(runs[job, metric, :-1]), runs[job, metric, -1])
        expected = (one.difference, one.sd, one.above, one.spread)
        all_ = (found.difference, found.sd, found.above, found.spread)
        assert [float(x[job, metric]) for x in all_] == pytest.approx(expected, abs=1e-9)


def test_the_limit_is_never_below_that_of_student() -> None:
    wide = prediction_of([np.array([x]) for x in (0.0, 2.0, 4.0)], np.array([0.0]))
    assert fail_limit(wide, LEVEL, 0.01) == wide.limit(LEVEL) > wide.above + math.log(2.5)


def test_a_slow_day_is_left_room_for_until_one_would_have_been_met() -> None:
    assert slow_day_campaigns(0.01) == 17
    assert 0.2 * 0.8**17 <= 0.005 < 0.2 * 0.8**16
    assert slow_day_campaigns(0.4) == slow_day_campaigns(0.49) == 1
    quiet = Prediction(0.0, 0.0, sd=0.001, dof=15, above=0.001, spread=0.002)
    assert fail_limit(quiet, LEVEL, 0.01) == pytest.approx(SLOW_DAY + 0.001)
    later = Prediction(0.0, 0.0, sd=0.001, dof=16, above=0.001, spread=0.002)
    assert fail_limit(later, LEVEL, 0.01) < 0.01


def test_a_single_campaign_fails_nothing() -> None:
    assert fail_limit(Prediction(0.0, 5.0, math.inf, 1), LEVEL, 0.01) == math.inf


def test_the_multiple_of_the_range_falls_with_campaigns_and_rises_with_the_level() -> None:
    multiples = [multiple_of_range(n, 0.9975) for n in (5, 10, 30)]
    assert multiples[0] == pytest.approx(6.5)
    assert multiples == sorted(multiples, reverse=True)
    assert multiple_of_range(5, 0.9999) > multiple_of_range(5, 0.9975) > multiple_of_range(5, 0.9)
    assert float(day_margin(10.0, 30, 0.9975, 0.01)) == pytest.approx(math.log(2.5))
