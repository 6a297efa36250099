"""Load shapes: steps of the rate, Poisson and constant, and what follows from them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from socklat_gate.errors import Reason, UsageError
from socklat_gate.load.bounds import for_turns, max_connections_of
from socklat_gate.load.schedule import make_schedule
from socklat_gate.scenario import Load
from socklat_gate.scenario.rate_steps import mean_rate, peak_rate, steps_of

STEPS = [[0, 200], [4, 1600]]


def shaped(rate=STEPS, **options):
    settings = {"payload": "x", "rate": rate, "duration_s": 8.0, "warmup_s": 1.0, **options}
    return Load(**settings)


def counts(schedule, edges_s):
    return np.histogram(schedule.offsets_ns / 1e9, edges_s)[0]


@pytest.mark.parametrize("arrivals", ["poisson", "constant"])
@pytest.mark.parametrize("arms", [1, 2])
def test_each_step_has_its_rate(arrivals, arms):
    schedule = make_schedule(shaped(arrivals=arrivals), arms, 3)
    found = counts(schedule, [0, 1, 5, 9])
    expected = arms * np.array([200, 800, 6400])
    tolerance = 4 * np.sqrt(expected) if arrivals == "poisson" else 2
    assert np.all(np.abs(found - expected) <= tolerance)
    assert found.sum() == schedule.offsets_ns.size
    assert np.all(np.diff(schedule.offsets_ns) >= 0)


def test_within_a_step_arrivals_are_poisson():
    schedule = make_schedule(shaped([[0, 200], [4, 4000]]), 1, 5)
    times = schedule.offsets_ns[schedule.offsets_ns >= 5.01e9] / 1e9
    assert stats.kstest(np.diff(times), "expon", (0, 1 / 4000)).pvalue > 1e-3
    assert stats.kstest(times, "uniform", (5.01, 9 - 5.01)).pvalue > 1e-3


def test_a_longer_run_begins_the_shape_anew_and_begins_alike():
    short = make_schedule(shaped(), 2, 7)
    long = make_schedule(shaped(max_duration_s=24.0), 2, 7)
    n = short.offsets_ns.size
    assert np.array_equal(long.offsets_ns[:n], short.offsets_ns)
    assert np.array_equal(long.arm[:n], short.arm)
    found = counts(long, [1, 5, 9, 13, 17, 21, 25])
    assert np.all(np.abs(found - np.tile([1600, 12_800], 3)) < 5 * np.sqrt(12_800))
    assert np.all(np.abs(found[::2] - 1600) < 5 * np.sqrt(1600))


def test_a_burst_train_rests_in_between():
    train = [[0, 50], [1, 0], [2, 3000], [2.1, 0], [4, 3000], [4.1, 50]]
    schedule = make_schedule(shaped(train), 1, 9)
    found = counts(schedule, [2, 3, 3.1, 5, 5.1, 9])
    assert found[0] == found[2] == 0
    assert np.all(np.abs(found[[1, 3]] - 300) < 4 * np.sqrt(300))
    assert abs(found[4] - 195) < 4 * np.sqrt(195)


def test_a_shape_of_one_step_is_as_many_as_the_rate():
    one, other = (make_schedule(shaped(rate), 1, 11).offsets_ns for rate in (1000.0, [[0, 1000]]))
    assert abs(one.size - other.size) < 6 * np.sqrt(one.size)


def test_slices_last_longer_and_so_do_steps():
    load = for_turns(shaped(), 2)
    assert (load.duration_s, load.warmup_s) == (16.0, 2.0)
    assert load.rate == [[0.0, 200.0], [8.0, 1600.0]]
    found = counts(make_schedule(load, 2, 3, "slice"), [2, 10, 18])
    assert np.all(np.abs(found - [1600, 12_800]) < 5 * np.sqrt([1600, 12_800]))


def test_what_needs_one_number_gets_the_mean_or_the_peak():
    assert (mean_rate(shaped()), peak_rate(shaped())) == (900.0, 1600.0)
    assert (mean_rate(shaped(500.0)), peak_rate(shaped(500.0))) == (500.0, 500.0)
    assert steps_of(shaped(500.0)) == [[0.0, 500.0]]
    assert max_connections_of(shaped()) == 2000  # a pause of 1.25 s at the peak


def test_too_many_requests_are_refused():
    with pytest.raises(UsageError, match="requests in one run") as caught:
        make_schedule(shaped([[0, 1], [1, 200_000]], duration_s=200.0), 1, 1)
    assert caught.value.reason is Reason.BAD_SCENARIO
