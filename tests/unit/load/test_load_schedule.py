from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from socklat_gate.errors import Reason, UsageError
from socklat_gate.load.arrivals import poisson_arrivals
from socklat_gate.load.schedule import MAX_REQUESTS, make_schedule
from socklat_gate.scenario import Load

LOAD = Load(payload="x", rate=1000.0, duration_s=8.0, warmup_s=1.0)


def test_same_seed_same_schedule_and_another_seed_another():
    one, same, other = (make_schedule(LOAD, 2, seed) for seed in (7, 7, 8))
    assert np.array_equal(one.offsets_ns, same.offsets_ns)
    assert np.array_equal(one.arm, same.arm)
    assert not np.array_equal(one.offsets_ns[:50], other.offsets_ns[:50])
    assert not np.array_equal(one.arm[:50], other.arm[:50])


def test_schedule_of_a_seed_never_changes():
    # Recorded once: stored results name their seed, and this is what it meant.
    schedule = make_schedule(LOAD, 2, 20261)
    assert schedule.offsets_ns[:3].tolist() == [385849, 516104, 762385]
    assert schedule.arm[:12].tolist() == [1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0]


def test_offsets_ascend_and_fill_warm_up_and_window():
    schedule = make_schedule(LOAD, 2, 3)
    assert schedule.offsets_ns.dtype == np.int64
    assert schedule.arm.dtype == np.int8
    assert np.all(np.diff(schedule.offsets_ns) >= 0)
    assert schedule.offsets_ns[0] >= 0
    assert 8.99e9 < schedule.offsets_ns[-1] < 9e9
    assert (schedule.warmup_ns, schedule.duration_ns) == (10**9, 8 * 10**9)
    assert not schedule.measured[schedule.offsets_ns < 10**9].any()
    assert schedule.measured[schedule.offsets_ns >= 10**9].all()


@pytest.mark.parametrize("arms", [1, 2])
def test_rate_is_per_arm(arms):
    expected = 1000 * 9 * arms
    n = make_schedule(LOAD, arms, 11).offsets_ns.size
    assert abs(n - expected) < 4 * np.sqrt(expected)


def test_coin_flips_are_fair_and_independent_of_the_arrivals():
    schedule = make_schedule(LOAD, 2, 5)
    n = schedule.arm.size
    assert abs(int(schedule.arm.sum()) - n / 2) < 4 * np.sqrt(n / 4)
    changes = np.count_nonzero(np.diff(schedule.arm))
    assert abs(changes - n / 2) < 4 * np.sqrt(n / 4)
    correlation = np.corrcoef(np.diff(schedule.offsets_ns), schedule.arm[1:])[0, 1]
    assert abs(correlation) < 4 / np.sqrt(n)


def test_gaps_are_exponential_overall_and_within_each_arm():
    schedule = make_schedule(LOAD, 2, 13)
    assert stats.kstest(np.diff(schedule.offsets_ns), "expon", (0, 5e5)).pvalue > 1e-3
    for arm in (0, 1):
        gaps = np.diff(schedule.offsets_ns[schedule.arm == arm])
        assert stats.kstest(gaps, "expon", (0, 1e6)).pvalue > 1e-3


def test_constant_arrivals_are_exact():
    load = Load(payload="x", rate=101.0, duration_s=1.0, warmup_s=0.0, arrivals="constant")
    schedule = make_schedule(load, 1, 1)
    assert schedule.offsets_ns.size == 101
    assert np.ptp(np.diff(schedule.offsets_ns)) <= 1
    assert not schedule.arm.any()


def test_a_rate_far_below_one_request_may_give_an_empty_schedule():
    load = Load(payload="x", rate=1e-6, duration_s=1.0, warmup_s=0.0)
    assert make_schedule(load, 1, 1).offsets_ns.size == 0


def test_arrays_cannot_be_changed():
    schedule = make_schedule(LOAD, 2, 1)
    with pytest.raises(ValueError, match="read-only"):
        schedule.offsets_ns[0] = 1


def test_a_schedule_that_does_not_fit_into_memory_is_refused():
    load = Load(payload="x", rate=200_000.0, duration_s=3600.0)
    with pytest.raises(UsageError, match=str(MAX_REQUESTS)) as caught:
        make_schedule(load, 2, 1)
    assert caught.value.reason is Reason.BAD_SCENARIO
    assert caught.value.remedy


@pytest.mark.parametrize("arrivals", ["poisson", "constant"])
@pytest.mark.parametrize(("arms", "interleave"), [(1, "block"), (2, "request"), (2, "slice")])
def test_a_longer_maximum_only_adds_at_the_end(arrivals, arms, interleave):
    load = LOAD.model_copy(update={"arrivals": arrivals})
    longer = load.model_copy(update={"max_duration_s": 31.7})
    one, more = (make_schedule(of, arms, 17, interleave, 70.0) for of in (load, longer))
    assert 32.6e9 < more.offsets_ns[-1] < 32.7e9
    assert more.duration_ns == 31_700_000_000
    n = int(np.searchsorted(more.offsets_ns, 9 * 10**9))
    assert np.array_equal(one.offsets_ns, more.offsets_ns[:n])
    assert np.array_equal(one.arm, more.arm[:n])


def test_gaps_that_fall_short_are_summed_on_as_if_drawn_at_once():
    class Short:
        """Gaps half as long as they should be, so that the first sum ends too early."""

        def __init__(self):
            self.rng = np.random.default_rng(1)

        def exponential(self, scale, size):
            return self.rng.exponential(scale / 2, size)

    times = poisson_arrivals(Short(), 1000.0, 10**6)
    assert times[-1] >= 10**6
    assert times.size > 2000
    assert np.array_equal(times, np.cumsum(Short().exponential(1000.0, times.size)))


def test_a_slice_has_all_arrivals_of_its_time_and_goes_to_an_arm_by_coin_flip():
    load = LOAD.model_copy(update={"duration_s": 99.0})
    schedule = make_schedule(load, 2, 5, "slice", 50.0)
    # What an arm gets while it has a slice is what it would get alone.
    assert np.array_equal(schedule.offsets_ns, make_schedule(load, 1, 5).offsets_ns)
    n = 2000
    of_slice = schedule.offsets_ns // 50_000_000
    sizes = np.bincount(of_slice, minlength=n)
    to_second = np.bincount(of_slice, weights=schedule.arm, minlength=n)
    assert np.all((to_second == 0) | (to_second == sizes))
    assert abs(sizes.mean() - 1000 * 0.05) < 4 * np.sqrt(50 / n)
    flips = to_second > 0
    assert abs(flips.sum() - n / 2) < 4 * np.sqrt(n / 4)
    assert abs(np.count_nonzero(np.diff(flips.astype(int))) - n / 2) < 4 * np.sqrt(n / 4)
    again, other = (make_schedule(load, 2, seed, "slice", 50.0) for seed in (5, 6))
    assert np.array_equal(schedule.arm, again.arm)
    assert not np.array_equal(schedule.arm[:5000], other.arm[:5000])


def test_the_limit_of_requests_looks_at_the_maximum():
    load = LOAD.model_copy(update={"rate": 10_000.0, "max_duration_s": 3600.0})
    with pytest.raises(UsageError, match=str(MAX_REQUESTS)) as caught:
        make_schedule(load, 2, 1)
    assert "load.max_duration_s" in (caught.value.remedy or "")
