from __future__ import annotations

import numpy as np
import pytest

from socklat_gate.stalls.timeline import (
    Timeline,
    interference_bursts,
    stolen_time,
)
from tests.unit.stalls.simulated import MS, stalls_at


def test_intervals_in_any_order_become_disjoint_ones() -> None:
    union = Timeline.of([50, 0, 5, 100], [60, 10, 20, 110])
    assert union.from_ns.tolist() == [0, 50, 100]
    assert union.to_ns.tolist() == [20, 60, 110]
    assert union.total_ns == 40


def test_an_interval_inside_another_does_not_end_it() -> None:
    union = Timeline.of([0, 10, 30], [100, 20, 40])
    assert (union.from_ns.tolist(), union.to_ns.tolist()) == ([0], [100])


def test_short_gaps_are_closed() -> None:
    assert len(Timeline.of([0, 11], [10, 20], gap_ns=1)) == 1
    assert len(Timeline.of([0, 12], [10, 20], gap_ns=1)) == 2


def test_inside_until_and_contains_agree_with_a_clock() -> None:
    line = Timeline.of([10, 40], [20, 50])
    at = np.arange(60)
    taken = np.zeros(61, bool)
    taken[10:20] = taken[40:50] = True
    assert line.contains(at).tolist() == taken[:60].tolist()
    for first in range(0, 60, 7):
        for last in range(first, 60, 5):
            found = line.inside_ns(np.array([first]), np.array([last]))
            assert found[0] == taken[first:last].sum()
    assert line.until_next_ns(np.array([0, 10, 11, 40])).tolist() == [10, 0, 29, 0]
    assert line.until_next_ns(np.array([41]))[0] == np.iinfo(np.int64).max


def test_an_empty_timeline_takes_nothing() -> None:
    line = Timeline.of([], [])
    at = np.array([5, 7])
    assert not line.contains(at).any()
    assert line.inside_ns(at, at + 100).tolist() == [0, 0]
    assert line.until_next_ns(at).tolist() == [np.iinfo(np.int64).max] * 2


@pytest.mark.parametrize(("cause", "taken", "bursts"), [("steal", 1, 0), ("late_tick", 1, 0)])
def test_what_the_hypervisor_took_counts_on_the_services_cpus(
    cause: str, taken: int, bursts: int
) -> None:
    stalls = stalls_at(np.array([0]), np.array([5 * MS]), cause, cpu=3)
    assert len(stolen_time(stalls, [3])) == taken
    assert len(interference_bursts(stalls, [3])) == bursts
    assert len(stolen_time(stalls, [2])) == 0


def test_runs_of_others_count_as_bursts_only() -> None:
    begins = np.array([0, MS, 2 * MS + 100_000, 50 * MS])
    stalls = stalls_at(begins, begins + 900_000, "interference")
    bursts = interference_bursts(stalls, [0])
    assert (bursts.from_ns.tolist(), bursts.to_ns.tolist()) == ([0], [3 * MS])
    assert len(stolen_time(stalls, [0])) == 0


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ([(0, 10), (20, 30)], [(5, 25)], [(5, 10), (20, 25)]),
        ([(0, 10)], [(10, 20)], []),
        ([(0, 10)], [(0, 10)], [(0, 10)]),
        ([(0, 30)], [(5, 6), (8, 9)], [(5, 6), (8, 9)]),
        ([(0, 10)], [], []),
        ([], [], []),
    ],
)
def test_common_is_what_lies_inside_both(
    one: list[tuple[int, int]], other: list[tuple[int, int]], both: list[tuple[int, int]]
) -> None:
    lines = [
        Timeline.of([begin for begin, _ in some], [end for _, end in some]) for some in (one, other)
    ]
    for first, second in (lines, lines[::-1]):
        found = first.common(second)
        assert list(zip(found.from_ns.tolist(), found.to_ns.tolist(), strict=True)) == both
