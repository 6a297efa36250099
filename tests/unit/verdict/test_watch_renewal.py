"""Watches of few replicas, which are replaced: exact evidence, and what it finds."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.errors import Reason
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.verdict import Outcome
from socklat_gate.measured.watch import Watch
from socklat_gate.scenario.gating import Gate, Metric, Waiver
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.watch_evidence import ORDER, watch_evidence
from socklat_gate.verdict.watch_exposure import watch_exposure
from socklat_gate.verdict.watch_moments import Moment, Moments, moments_of
from socklat_gate.verdict.watch_order import order_evidence
from socklat_gate.verdict.watch_power_renewed import (
    renewed_every_s,
    renewed_from_start_s,
    renewed_stops_to_fail,
)
from socklat_gate.verdict.watch_renewal import LEAST_LIFE_S, is_shown
from tests.benchmarks.watch import KINDS, STOPS_THRESHOLD, simulated

from .builders import STEADY, pairs_with
from .watches import SECOND, Stops, changed, replica_of, swapped

GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
PASSING = pairs_with([0.0] * 12)
LIFE_S, GAP_S = 60.0, 10.0

Hits = list[tuple[int, tuple[int, ...]]]
"""Generation, and the containers of it that a moment hits: the candidate's are the later half."""


def seen(numbers: int, generations: int, hits: Hits) -> Moments:
    """A moment every 5 s of each generation."""
    starts = [at * (LIFE_S + GAP_S) for at in range(generations)]
    whole = numbers * generations
    moments = []
    counts = [0] * generations
    for generation, some in sorted(hits, key=lambda hit: hit[0]):
        counts[generation] += 1
        at_s = starts[generation] + 5.0 * counts[generation]
        members = [(one // numbers) * whole + generation * numbers + one % numbers for one in some]
        moments.append(Moment((at_s,) * len(some), at_s + 1.0, tuple(sorted(members))))
    from_s = np.repeat(np.array(starts), numbers)
    numbered = tuple(np.repeat(np.arange(generations), numbers).tolist())
    return Moments(from_s, from_s + LIFE_S, tuple(moments), 0, numbered)


def relabelled(numbers: int, generations: int, hits: Hits) -> list[Moments]:
    """Under every labeling of each generation's containers."""
    ways = list(combinations(range(2 * numbers), numbers))
    found = []
    for chosen in product(ways, repeat=generations):
        places = []
        for ours in chosen:
            theirs = [one for one in range(2 * numbers) if one not in ours]
            places.append({one: at for at, one in enumerate((*theirs, *ours))})
        there = [
            (generation, tuple(places[generation][one] for one in some))
            for generation, some in hits
        ]
        found.append(seen(numbers, generations, there))
    return found


HITS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sets(st.integers(0, 3), min_size=1, max_size=4).map(lambda some: tuple(sorted(some))),
    ),
    max_size=8,
)


@STEADY
@given(HITS)
def test_the_mean_over_all_labelings_is_one(hits: Hits) -> None:
    """Labels are drawn anew in each generation; whatever hits whom, and how often."""
    every = relabelled(2, 2, hits)
    order = [order_evidence(some)[1] for some in every]
    if order[0].size:
        assert np.mean([math.exp(logs[-1]) for logs in order]) == pytest.approx(1.0, rel=1e-9)
    found = [watch_evidence(some) for some in every]
    assert np.mean([math.exp(one.now) for one in found]) == pytest.approx(1.0, rel=1e-9)
    for time_s in (45.0, 60.0, 75.0, 100.0, 129.0):
        assert np.mean([math.exp(one.at(time_s)) for one in found]) <= 1.0 + 1e-9


def test_containers_of_one_generation_are_held_against_each_other_alone() -> None:
    """Each generation ends when as many have stopped as an arm has, whoever they are.

    Labels over all of them together would take that for evidence.
    """
    hits: Hits = [(0, (2,)), (0, (3,)), (1, (2,)), (1, (3,))]
    one = math.exp(order_evidence(seen(2, 1, hits[:2]))[1][-1])
    two = math.exp(order_evidence(seen(2, 2, hits))[1][-1])
    assert one == pytest.approx(5.0, rel=0.3)  # of 6
    assert one < two < one**2 * 1.5
    alike: Hits = [(0, (0,)), (0, (2,)), (1, (0,)), (1, (2,))]
    assert watch_evidence(seen(2, 2, alike)).now < math.log(1.3)


@pytest.mark.parametrize("numbers", [2, 3, 4, 5, 8])
def test_so_many_first_stops_fail_and_one_less_does_not(numbers: int) -> None:
    needed = renewed_stops_to_fail(numbers, STOPS_THRESHOLD)
    assert needed is not None
    hits = [(at // numbers, (numbers + at % numbers,)) for at in range(needed)]
    generations = -(-needed // numbers)
    by_order = math.log(ORDER) + order_evidence(seen(numbers, generations, hits))[1]
    assert by_order[-1] >= math.log(STOPS_THRESHOLD) > by_order[-2]


@pytest.mark.parametrize("replicas", [2, 4, 5])
def test_what_it_promises_is_found(replicas: int) -> None:
    every = renewed_every_s(replicas, 590.0, STOPS_THRESHOLD)
    assert every is not None
    assert 50 < every < 400
    assert simulated(2, 60, KINDS[0], replicas, every_s=every).by(10.0) >= 0.9
    age_s = renewed_from_start_s(replicas, 590.0, STOPS_THRESHOLD)
    assert simulated(2, 10, KINDS[0], replicas, at_age_s=age_s).by(10.0) >= 0.9


def test_too_short_a_watch_promises_nothing() -> None:
    assert renewed_every_s(2, 60.0, STOPS_THRESHOLD) is None
    assert renewed_from_start_s(2, 60.0, STOPS_THRESHOLD) == 0.0
    assert renewed_every_s(0, 600.0, STOPS_THRESHOLD) is None


def watch_of(*stopped: Stops, replicas: int = 4, life_s: float = LIFE_S) -> Watch:
    """A generation for each, whose stops are at ages."""
    found = []
    for generation, stops in enumerate(stopped):
        begin_s = 100.0 + generation * (life_s + GAP_S)
        for number in range(replicas):
            for arm in ARMS:
                at_s = [begin_s + age_s for age_s in stops.get((arm, number), ())]
                one = replica_of(
                    arm, generation * replicas + number, begin_s, begin_s + life_s, at_s
                )
                found.append(replace(one, generation=generation))
    return Watch(tuple(found), 20_000_000, replicas, 2.0, 0.0, renewed=True)


CANDIDATES: Stops = {("candidate", at): [20.0 + 5.0 * at] for at in range(4)}
BASELINES: Stops = {("baseline", at): [20.0 + 5.0 * at] for at in range(4)}
BOTH: Stops = {
    **{("candidate", at): [20.0 + 5.0 * at] for at in range(2)},
    **{("baseline", at): [22.0 + 5.0 * at] for at in range(2)},
}


def test_they_are_replaced_once_as_many_have_stopped_as_an_arm_has_whoever_they_are() -> None:
    for stops in (CANDIDATES, BASELINES, BOTH):
        for watch in (watch_of(stops), swapped(watch_of(stops))):
            shown = decide(PASSING, GATE, watch=watch).stops
            assert shown is not None
            assert shown.shown
            assert not is_shown(moments_of(watch, 50e6), age_s=2 * LIFE_S)
        fewer = {key: at for key, at in stops.items() if key[1] != 1}
        assert not is_shown(moments_of(watch_of(fewer), 50e6), 0.0)
        # What stopped in the one before does not count.
        assert not is_shown(moments_of(watch_of(stops, fewer), 50e6), 0.0)
        assert is_shown(moments_of(watch_of(stops, stops), 50e6), 0.0)
        young = moments_of(watch_of(stops, life_s=LEAST_LIFE_S + 6.0), 50e6)
        assert is_shown(young, 0.0)
        assert not is_shown(replace(young, to_s=young.to_s - 7.0), 0.0)
    large = replace(watch_of(CANDIDATES), renewed=False)
    stops = decide(PASSING, GATE, watch=large).stops
    assert stops is not None
    assert not stops.shown
    assert not is_shown(moments_of(Watch((), 20_000_000, 2, 2.0, 0.0), 50e6), 0.0)


def test_a_waiver_does_not_make_their_replacement_look_at_labels() -> None:
    """It leaves moments of the candidate alone out of the evidence."""
    waiver = Waiver(
        metric="spikes",
        ceiling=1.0,
        expires=date(2027, 1, 1),
        link="https://example.org/1",
        baseline="0123456789ab",
    )
    for watch in (watch_of(CANDIDATES), swapped(watch_of(CANDIDATES))):
        stops = decide(PASSING, GATE, watch=watch, waivers=[waiver]).stops
        assert stops is not None
        assert stops.shown


def test_a_stop_of_the_machine_shows_nothing() -> None:
    """It hits all of them, and takes none away."""
    stalls: Stops = {(arm, at): [20.0] for arm in ARMS for at in range(4)}
    assert not is_shown(moments_of(watch_of(stalls), 50e6), 0.0)


def test_a_few_generations_fail_a_candidate_that_stops() -> None:
    once = decide(PASSING, GATE, watch=watch_of(CANDIDATES))
    assert once.outcome is Outcome.INCONCLUSIVE
    watch = watch_of(CANDIDATES, CANDIDATES)
    verdict = decide(PASSING, GATE, watch=watch)
    assert verdict.outcome is Outcome.REGRESSION
    assert [fact.code for fact in verdict.reasons] == [Reason.MORE_STOPS]
    stops = verdict.stops
    assert stops is not None
    assert (stops.candidate_with, stops.candidate_replicas) == (8, 8)
    assert decide(PASSING, GATE, watch=swapped(watch)).outcome is not Outcome.REGRESSION
    assert decide(PASSING, GATE, watch=watch_of(BOTH, BOTH, BOTH)).outcome is not Outcome.REGRESSION


def test_those_that_were_replaced_are_no_dead_ones() -> None:
    watch = watch_of({}, {}, {}, replicas=2)
    exposure = watch_exposure(watch)
    assert (exposure.silent, exposure.waited, exposure.lost) == (0, 0, 0)
    assert exposure.candidate_s == pytest.approx(2 * 3 * LIFE_S)
    assert exposure.missing_s == 0.0
    assert exposure.half_age_s == pytest.approx(LIFE_S + 1.0)
    # The age that half of those have that are up at once, in whichever generation.
    older = changed(watch, lambda one: one.number == 1, to_ns=int(500 * SECOND), exchanges=8 * 400)
    assert watch_exposure(older).half_age_s > 300
    # One that fell silent before it was replaced is one.
    hung = changed(watch, lambda one: (one.arm, one.number) == ("candidate", 1), exchanges=80)
    assert watch_exposure(hung).silent == 1
    # Those that are up are those of the last generation.
    missing = replace(watch, minutes=4.0)
    assert watch_exposure(missing).missing_s == pytest.approx((2 * 240 - 360) / 2)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_equal_arms_do_not_fail(kind: object) -> None:
    for replicas in (2, 4):
        done = simulated(3, 20, kind, replicas)  # type: ignore[arg-type]
        assert done.by(10.0) <= 1 / 20
