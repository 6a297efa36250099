from __future__ import annotations

import math

import numpy as np
import pytest

from socklat_gate.scenario import Metric
from socklat_gate.verdict.change_models import null_gains
from socklat_gate.verdict.change_points import LOOKED_AT, Change, against_release, change_points
from socklat_gate.wording.history_text import release_text
from tests.unit.verdict.builders import campaign_of, run_of, scaled_run

P50 = Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)


pytestmark = pytest.mark.usefixtures("simulated")


def ar1(rng: np.random.Generator, size: int, rho: float) -> np.ndarray:
    noise = rng.standard_normal(size)
    noise[1:] *= np.sqrt(1 - rho * rho)
    for at in range(1, size):
        noise[at] += rho * noise[at - 1]
    return 0.02 * noise


def found_share(size: int, rho: float, added: np.ndarray | float = 0.0, times: int = 200) -> float:
    rng = np.random.default_rng([size, round(10 * rho)])
    return sum(bool(change_points(ar1(rng, size, rho) + added)) for _ in range(times)) / times


@pytest.mark.parametrize("rho", [0.0, pytest.param(0.6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("size", [10, pytest.param(40, marks=pytest.mark.slow)])
def test_unchanged_histories_raise_few_alarms(size, rho):
    # At 1% more than 7 of 200 have a chance of 1 in 1000.
    assert found_share(size, rho) <= 7 / 200


@pytest.mark.parametrize(
    ("rho", "times"),
    [
        (0.3, 10),
        pytest.param(0.3, 40, marks=pytest.mark.slow),
        pytest.param(0.0, 40, marks=pytest.mark.slow),
    ],
)
def test_steps_and_slow_ramps_are_found(rho, times):
    size = 60
    after = np.arange(size) >= 40
    assert found_share(size, rho, 0.07 * after, times) > 0.8
    assert found_share(size, rho, np.linspace(0, 0.10, size), times) > 0.5


def test_a_step_is_located_and_measured():
    values = ar1(np.random.default_rng(1), 40, 0.2)
    values[25:] += 0.15
    (step,) = change_points(values)
    assert (step.kind, step.index, step.end) == ("step", 25, 40)
    assert step.log_shift == pytest.approx(0.15, abs=0.02)
    assert 0 < step.p <= 0.01


def test_many_small_steps_are_one_ramp():
    values = ar1(np.random.default_rng(2), 60, 0.0) + 0.01 * (np.arange(60) // 4)
    (ramp,) = change_points(values)
    assert (ramp.kind, ramp.index, ramp.end) == ("ramp", 0, 60)
    assert ramp.log_shift == pytest.approx(0.15, abs=0.03)


def test_a_regression_that_was_mended_is_two_steps():
    values = ar1(np.random.default_rng(3), 60, 0.0)
    values[20:40] += 0.2
    up, down = change_points(values)
    assert (up.index, up.end, down.index, down.end) == (20, 40, 40, 60)
    assert up.log_shift == pytest.approx(-down.log_shift, abs=0.02)


def test_the_same_history_gives_the_same_findings_whatever_its_unit():
    values = ar1(np.random.default_rng(4), 40, 0.0)
    values[30:] += 0.08
    first = change_points(values)
    null_gains.cache_clear()
    assert change_points(values) == first
    assert [c.p for c in change_points(3.0 + values)] == [c.p for c in first]


def test_no_noise_at_all_is_no_division_by_zero(simulated):
    assert change_points(np.zeros(20)) == ()
    (step,) = change_points(np.repeat([0.0, 0.01], 10))
    assert step == Change("step", 10, 20, pytest.approx(0.01), 1 / (1 + simulated))


def test_one_odd_campaign_is_no_change():
    values = ar1(np.random.default_rng(5), 40, 0.0)
    values[20] += 1.0
    assert change_points(values) == ()


def test_short_histories_have_no_findings_and_long_ones_are_cut():
    assert change_points([]) == ()
    assert change_points(np.repeat([0.0, 9.0], [3, 4])) == ()
    old = np.repeat([0.0, 5.0], [30, LOOKED_AT])
    assert change_points(old) == ()
    (step,) = change_points(old[:-10])
    assert step.index == 30


@pytest.mark.parametrize(
    ("values", "alpha", "what"),
    [
        ([0.0, float("nan")] * 10, 0.01, "NaN"),
        ([[0.0] * 10], 0.01, "shape"),
        ([0.0] * 10, 1e-5, "alpha"),
    ],
)
def test_what_cannot_be_tested_is_refused(values, alpha, what):
    with pytest.raises(ValueError, match=what):
        change_points(values, alpha=alpha)


def history(*log_levels: float, sd: float = 0.003) -> list:
    rng = np.random.default_rng(7)
    return [
        campaign_of([scaled_run(level + rng.normal(0, sd)) for _ in range(3)])
        for level in log_levels
    ]


def test_many_small_steps_do_not_pass_one_by_one():
    pinned = history(*[0.0] * 17)
    climbing = history(*np.arange(0.0, 0.085, 0.005))
    drift = against_release(climbing, pinned, P50)
    assert drift.drifted
    assert drift.metric == "response_p50"
    assert math.log1p(drift.change) == pytest.approx(0.075, abs=0.01)
    assert "+7" in release_text(drift)
    assert "more than the tolerance of +2.00%" in release_text(drift)


def test_what_slow_days_explain_is_no_drift():
    drift = against_release(history(*[0.075] * 3), history(*[0.0] * 6), P50)
    assert not drift.drifted
    assert drift.detectable > 0.5
    assert against_release(history(*[0.6] * 3), history(*[0.0] * 6), P50).drifted


def test_within_the_tolerance_of_the_release_is_no_drift():
    drift = against_release(history(0.0, 0.01, 0.01, 0.01), history(*[0.0] * 6), P50)
    assert not drift.drifted
    assert "does not exclude" in release_text(drift)


def test_a_faster_service_has_not_drifted():
    assert not against_release(history(-0.2), history(*[0.0] * 6), P50).drifted


def test_only_the_latest_campaigns_count():
    climbing = history(0.0, 0.0, 0.0, 0.6)
    assert not against_release(climbing[:3], history(*[0.0] * 6), P50).drifted
    assert against_release(climbing, history(*[0.0] * 6), P50, latest=1).drifted


def test_what_cannot_be_compared_says_why():
    alone = against_release(history(0.5), history(0.0), P50)
    assert not alone.drifted
    assert "at least 2 campaigns" in release_text(alone)
    few = campaign_of([run_of([1000] * 10)])
    thin = against_release([few], history(*[0.0] * 6), P50)
    assert not thin.drifted
    assert "10 exchanges" in release_text(thin)
    with pytest.raises(ValueError, match="at least one"):
        against_release([], history(0.0, 0.0), P50)
