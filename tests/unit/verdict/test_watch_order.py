from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.verdict.watch_evidence import LOOKS_S, ORDER, watch_evidence
from socklat_gate.verdict.watch_moments import Moment, Moments
from socklat_gate.verdict.watch_order import ODDS, most_at_once, order_evidence, payoff

from .builders import STEADY


def seen(numbers: int, hits: list[tuple[int, ...]], until_s: float = 500.0) -> Moments:
    """A moment every 10 s that hits these containers; the candidate's are the later half."""
    moments = tuple(
        Moment((10.0 * at,) * len(some), 10.0 * at + 1.0, tuple(sorted(some)))
        for at, some in enumerate(hits, 1)
    )
    return Moments(np.zeros(numbers), np.full(numbers, until_s), moments)


def relabelled(numbers: int, hits: list[tuple[int, ...]]) -> list[Moments]:
    """Under every labeling of the containers."""
    found = []
    for ours in combinations(range(2 * numbers), numbers):
        theirs = [one for one in range(2 * numbers) if one not in ours]
        place = {one: at for at, one in enumerate((*theirs, *ours))}
        found.append(seen(numbers, [tuple(place[one] for one in some) for some in hits]))
    return found


HITS = st.lists(
    st.sets(st.integers(0, 5), min_size=1, max_size=6).map(lambda some: tuple(sorted(some))),
    max_size=8,
)


@STEADY
@given(HITS)
def test_the_mean_over_all_labelings_is_one_after_every_moment(hits: list[tuple[int, ...]]) -> None:
    """Whatever hits whom, how often, and how many at once."""
    last = [order_evidence(some)[1] for some in relabelled(3, hits)]
    if last[0].size:
        assert np.mean([math.exp(logs[-1]) for logs in last]) == pytest.approx(1.0, rel=1e-9)


@STEADY
@given(HITS)
def test_all_of_the_evidence_has_a_mean_of_at_most_one(hits: list[tuple[int, ...]]) -> None:
    found = [watch_evidence(some) for some in relabelled(3, hits)]
    for time_s in (45.0, 60.0, 100.0, 480.0):
        assert np.mean([math.exp(one.at(time_s)) for one in found]) <= 1.0 + 1e-9
    assert np.mean([math.exp(one.now) for one in found]) == pytest.approx(1.0, rel=1e-9)


@STEADY
@given(HITS.filter(bool))
def test_its_mean_is_one_when_all_looks_were_made(hits: list[tuple[int, ...]]) -> None:
    end_s = LOOKS_S[-1] + 1.0
    found = [watch_evidence(replace(some, to_s=np.full(3, end_s))) for some in relabelled(3, hits)]
    assert np.mean([math.exp(one.at(end_s)) for one in found]) == pytest.approx(1.0, rel=1e-9)


def test_a_container_counts_once() -> None:
    assert order_evidence(seen(8, [(15,)]))[1][0] == order_evidence(seen(8, [(15,)] * 9))[1][-1]


def test_a_moment_of_several_counts_as_one() -> None:
    one, several = (order_evidence(seen(8, [hit]))[1][0] for hit in ((15,), (13, 14, 15)))
    assert several == pytest.approx(one)


def test_a_moment_of_both_arms_counts_for_none() -> None:
    assert order_evidence(seen(8, [(0, 15)]))[1][0] == pytest.approx(0.0)
    assert order_evidence(seen(8, [tuple(range(16))]))[1].size == 0


def test_a_wide_moment_takes_no_container_away() -> None:
    ours = [(8 + at,) for at in range(8)]
    before, after = seen(8, ours), seen(8, [tuple(range(16)), *ours])
    assert order_evidence(after)[1][-1] == pytest.approx(order_evidence(before)[1][-1])


def test_odds_pay_one_in_the_mean() -> None:
    for odds in ODDS:
        for ours, theirs, hit in ((8, 8, 1), (3, 7, 1), (7, 3, 2), (5, 5, 4), (1, 9, 1)):
            wins, loses = payoff(odds, ours, theirs, hit)
            total = math.comb(ours + theirs, hit)
            chances = math.comb(ours, hit) / total, math.comb(theirs, hit) / total
            both = 1.0 - sum(chances)
            assert wins * chances[0] + loses * chances[1] + both == pytest.approx(1.0)
            assert wins >= 1.0 >= loses >= 0.0
    assert payoff(2.0, 0, 5, 1) == payoff(2.0, 5, 0, 1) == (1.0, 1.0)


def test_evidence_never_changes_afterwards() -> None:
    hits = [(15,), (14,), (2,), (13, 12), (11,), (10,)]
    whole = watch_evidence(seen(8, hits))
    for at in range(1, len(hits) + 1):
        until = 10.0 * at + 2.0
        then = watch_evidence(seen(8, hits[:at], until))
        assert then.at(until) == pytest.approx(whole.at(until))
        assert whole.at(5.0) == pytest.approx(math.log(ORDER))


def test_quick_where_the_baseline_has_none() -> None:
    """Nine of 16 replicas with one stop each are enough, however rarely they come."""
    found = watch_evidence(seen(16, [(16 + at,) for at in range(9)]))
    assert math.exp(found.at(91.0)) > 1 / (0.55 * 0.005)
    assert math.exp(found.at(71.0)) < 1 / (0.55 * 0.005)


@STEADY
@given(HITS)
def test_equal_arms_are_seldom_hit_so_unevenly(hits: list[tuple[int, ...]]) -> None:
    """Over all labelings of the containers, whatever the moments hit."""
    for chance in (0.05, 0.2):
        found = [most_at_once(some, chance) > 0 for some in relabelled(3, hits)]
        assert np.mean(found) < chance


@pytest.mark.parametrize(
    ("theirs", "ours", "found"), [(0, 8, 8), (1, 15, 15), (10, 13, 0), (8, 0, 0), (0, 4, 0)]
)
def test_how_many_one_moment_hit(theirs: int, ours: int, found: int) -> None:
    hit = (*range(theirs), *range(16, 16 + ours))
    assert most_at_once(seen(16, [hit]), 0.01) == found
    # Many moments make the same one less of a surprise.
    often = [hit] + [tuple(range(14, 18))] * 99
    assert most_at_once(seen(16, often), 0.01) == (15 if ours == 15 else 0)
