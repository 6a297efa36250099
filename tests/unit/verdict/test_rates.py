from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from socklat_gate.verdict.rates import (
    RATIOS,
    capped_counts,
    dispersion_p,
    mde_events_of,
    running_dispersion,
    running_rate_evidence,
    runs_are_clusters,
    sign_counts,
)
from tests.benchmarks.simulate_spikes import drawn, first_fail, first_fail_poured

from .builders import STEADY

NEEDED = 200.0
counts = st.lists(st.integers(0, 4), min_size=1, max_size=8)


def evidence(ours: list[int], theirs: list[int], share: float) -> float:
    return float(np.exp(running_rate_evidence(ours, theirs, share)[-1]))


def test_nine_spikes_fail_where_as_much_exposure_had_none() -> None:
    assert evidence([1] * 8, [0] * 8, 1 / 2) < NEEDED
    assert evidence([1] * 9, [0] * 9, 1 / 2) >= NEEDED
    assert mde_events_of(0, 1 / 2, NEEDED) == 9


@pytest.mark.parametrize("rate", [0.1, 0.3])  # one in 80 s, and in 27 s
def test_a_machine_that_now_has_spikes_is_no_regression(rate: float) -> None:
    jobs = 4000
    events = drawn(np.random.default_rng(11), jobs, 40, rate)
    assert np.isfinite(first_fail(events)).mean() <= 0.005 + 3 * math.sqrt(0.005 / jobs)
    # Exposure of an older history without any would have made it one.
    assert np.isfinite(first_fail_poured(events)).mean() > 0.4


def test_formula_as_written_in_the_definition() -> None:
    p0 = 0.25
    found = evidence([2, 0, 1], [1, 0, 0], p0)
    expected = 0.0
    for ratio in RATIOS:
        p = ratio * p0 / (1 - p0 + ratio * p0)
        expected += 0.5 / len(RATIOS) * (p / p0) ** 3 * (1 - p) / (1 - p0)
    assert found == pytest.approx(expected)
    assert evidence([3], [0], p0) > 0.5 * 4**3


@STEADY
@given(st.integers(0, 12), st.sampled_from([0.5, 0.25, 1 / 21, 0.6]))
def test_under_equal_rates_the_mean_is_one_given_the_total(total: int, share: float) -> None:
    ours = np.arange(total + 1)
    weights = binom.pmf(ours, total, share)
    values = [evidence([int(k)], [int(total - k)], share) for k in ours]
    assert float(weights @ values) == pytest.approx(1.0)


@STEADY
@given(counts, counts)
def test_running_evidence_ends_where_the_sum_does(ours: list[int], theirs: list[int]) -> None:
    length = min(len(ours), len(theirs))
    ours, theirs = ours[:length], theirs[:length]
    together = evidence([sum(ours)], [sum(theirs)], 0.4)
    assert evidence(ours, theirs, 0.4) == pytest.approx(together)


def test_no_events_are_no_evidence_and_many_do_not_overflow() -> None:
    assert evidence([0, 0], [0, 0], 0.5) == pytest.approx(1.0)
    assert running_rate_evidence([], [], 0.5).shape == (0,)
    assert np.isfinite(running_rate_evidence([10**6], [0], 0.5)).all()


def test_power_is_where_the_evidence_is_reached() -> None:
    for reference in (0, 1, 5):
        fewest = mde_events_of(reference, 0.5, NEEDED)
        assert fewest is not None
        assert evidence([fewest], [reference], 0.5) >= NEEDED
        assert fewest == 2 or evidence([fewest - 1], [reference], 0.5) < NEEDED
    assert mde_events_of(100, 0.5, NEEDED, limit=50) is None
    # Two in one run are no finding, so one is never enough.
    assert mde_events_of(0, 1e-6, NEEDED) == 2


def test_a_run_counts_for_two_events_at_most() -> None:
    events = np.array([[0.0, 5.0], [9.0, 1.0]])
    ours, theirs, share = capped_counts(events, np.array([[8.0, 8.0], [8.0, 16.0]]))
    assert ours.tolist() == [2.0, 1.0]
    assert theirs.tolist() == [0.0, 2.0]
    assert share == pytest.approx([1 / 2, 2 / 3])


def test_signs_compare_rates_not_counts() -> None:
    events = np.array([[1.0, 3.0, 2.0], [1.0, 9.0, 0.0]])
    exposure_s = np.array([[8.0] * 3, [16.0, 8.0, 8.0]])
    ours, theirs, share = sign_counts(events, exposure_s)
    assert ours.tolist() == [0.0, 1.0, 0.0]
    assert theirs.tolist() == [1.0, 0.0, 1.0]
    assert share == pytest.approx([2 / 3, 0.5, 0.5])
    assert sign_counts(events[:, 1:2], exposure_s[:, 1:2], 3.0)[0].tolist() == [0.0]


@pytest.mark.parametrize("rate", [0.1, 1.0, 5.0])
def test_dispersion_of_poisson_runs_is_seldom_found(rate: float) -> None:
    x = np.random.default_rng(4).poisson(rate, (4000, 30)).astype(float)
    p = dispersion_p(running_dispersion(x, np.ones(30))[..., -1])
    assert 0.1 < (p < 0.2).mean() < 0.25


def test_dispersion_of_unlike_runs_is_found() -> None:
    x = np.array([9.0, 0, 0, 8, 0, 0, 0, 11, 0, 0])
    moments = running_dispersion(x, np.full(10, 8.0))
    assert dispersion_p(moments[:, -1]) < 1e-3
    # One run, or one event, says nothing about runs.
    assert dispersion_p(moments[:, 0]) == 1.0
    assert dispersion_p(running_dispersion([1.0, 0.0], [1.0, 1.0])[:, -1]) == 1.0


def test_dispersion_takes_exposure_into_account() -> None:
    exposure_s = np.array([1.0, 1.0, 8.0, 8.0])
    fair = dispersion_p(running_dispersion(5 * exposure_s, exposure_s)[:, -1])
    unfair = dispersion_p(running_dispersion([40.0, 40.0, 5.0, 5.0], exposure_s)[:, -1])
    assert fair > 0.9
    assert unfair < 1e-6


def test_what_is_compared_depends_on_dispersion_and_frequency_only() -> None:
    assert not runs_are_clusters(1.0, 0.5)
    assert runs_are_clusters(0.1, 0.5)
    assert runs_are_clusters(1.0, 1.5)


@pytest.mark.parametrize("shape", [None, 0.5])
def test_false_alarms_stay_below_half_of_alpha(shape: float | None) -> None:
    rng = np.random.default_rng(6)
    jobs = 2000
    for rate in (0.1, 2.0):
        at = first_fail(drawn(rng, jobs, 40, rate, shape=shape))
        assert np.isfinite(at).mean() <= 0.005 + 3 * math.sqrt(0.005 / jobs)
