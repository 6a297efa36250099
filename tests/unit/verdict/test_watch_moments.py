from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.measured.facts import Arm
from socklat_gate.measured.watch import Watch
from socklat_gate.verdict.watch_moments import Moments, moments_of, paired

from .builders import STEADY
from .watches import SECOND, changed, replica_of, swapped, watch_of, with_slices


def moments(watch: Watch, threshold_ns: float = 5e7) -> Moments:
    return moments_of(watch, threshold_ns)


def test_exchanges_of_one_stop_are_one_event() -> None:
    """Several requests waited for it, or came within a second after."""
    found = moments(watch_of({("candidate", 0): [120.0, 120.3, 121.5, 140.0]}))
    assert [one.members for one in found.moments] == [(16,), (16,)]
    assert [one.begin_s for one in found.moments] == pytest.approx([20.0, 40.0])
    assert found.moments[0].known_s == pytest.approx(20.9)


def test_what_stops_many_at_once_is_one_moment() -> None:
    hit: dict[tuple[Arm, int], list[float]] = {("candidate", 0): [150.0], ("candidate", 1): [150.7]}
    found = moments(watch_of(hit))
    assert [one.members for one in found.moments] == [(16, 17)]
    assert found.moments[0].known_s == pytest.approx(51.5)
    assert found.arms_of(found.moments[0]) == (False, True)
    both = moments(watch_of({**hit, ("baseline", 3): [150.2]}))
    assert both.arms_of(both.moments[0]) == (True, True)


def test_moments_are_not_chained() -> None:
    """Each overlaps the next, and the last is far from the first."""
    stops: dict[tuple[Arm, int], list[float]] = {
        ("candidate", at): [200.0 + 0.6 * at] for at in range(10)
    }
    found = moments(watch_of(stops))
    assert [len(one.members) for one in found.moments] == [2] * 5


def test_timers_of_containers_started_a_second_apart_are_moments_of_their_own() -> None:
    stops: dict[tuple[Arm, int], list[float]] = {
        ("candidate", at): [130.0 + at] for at in range(16)
    }
    assert len(moments(watch_of(stops, apart_s=1.0)).moments) == 16


def test_only_what_is_long_enough_counts() -> None:
    watch = watch_of({("candidate", 0): [120.0]})
    assert moments(watch, 8.1e8).moments == ()
    assert len(moments(watch, 8.0e8).moments) == 1


def test_only_the_time_in_which_both_were_watched_counts() -> None:
    watch = watch_of({("candidate", 0): [110.0, 150.0, 240.0]})
    gone = changed(watch, lambda one: (one.arm, one.number) == ("baseline", 0), to_ns=200 * SECOND)
    assert [one.begin_s for one in moments(gone).moments] == pytest.approx([10.0, 50.0])
    late = changed(gone, lambda one: (one.arm, one.number) == ("baseline", 0), from_ns=120 * SECOND)
    found = moments(late)
    assert (found.from_s[0], found.to_s[0]) == pytest.approx((18.0, 98.0))
    assert found.origin_ns == 102 * SECOND
    alone = Watch((replica_of("candidate", 0, 100.0, 200.0, [150.0]),), 1, 1, 2.0, 0.0)
    assert (moments(alone).numbers, moments(alone).moments, paired(alone)) == (0, (), [])
    assert moments(alone).now_s == 0.0


TIMES = st.lists(st.floats(101.0, 240.0), max_size=6)


@STEADY
@given(st.lists(st.tuples(st.sampled_from(["baseline", "candidate"]), st.integers(0, 3), TIMES)))
def test_swapped_arms_have_the_same_moments(stops: list[tuple[Arm, int, list[float]]]) -> None:
    watch = watch_of({(arm, at): times for arm, at, times in stops}, replicas=4, apart_s=0.0)
    found, other = moments(watch), moments(swapped(watch))
    assert [one.known_s for one in found.moments] == [one.known_s for one in other.moments]
    for one, back in zip(found.moments, other.moments, strict=True):
        assert sorted((member + 4) % 8 for member in one.members) == list(back.members)
        assert found.arms_of(one) == other.arms_of(back)[::-1]


def test_a_container_that_stops_for_good_has_a_stop() -> None:
    watch = with_slices(watch_of(), lambda _one, _age: (2e6, 1 << 20, 10**7))
    hung = changed(
        watch,
        lambda one: (one.arm, one.number) == ("candidate", 0),
        slices=tuple(
            replace(part, exchanges=0 if part.from_ns >= 150 * SECOND else part.exchanges)
            for part in watch.replicas[1].slices
        ),
    )
    found = moments(hung)
    assert [one.members for one in found.moments] == [(16,)]
    assert found.moments[0].begin_s == pytest.approx(50.0)
    assert found.moments[0].known_s == pytest.approx(60.1)
    # One that never had an exchange has not stopped.
    mute = changed(
        watch,
        lambda one: one.arm == "candidate",
        slices=tuple(replace(part, exchanges=0) for part in watch.replicas[1].slices),
    )
    assert moments(mute).moments == ()
