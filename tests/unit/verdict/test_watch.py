"""Stops of the watch in a verdict: when it fails, and what a pass waits for."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Arm
from socklat_gate.measured.open_verdict import waits_for_watch
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.stop_verdict import StopVerdict
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.measured.watch import Watch
from socklat_gate.scenario.gating import Gate, Metric, Spikes, Waiver
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.judged_watch import OF_GROWTH, OF_SPIKES, OF_STOPS, spikes_alpha
from socklat_gate.verdict.watch import AGAINST, judge_stops
from socklat_gate.wording.reasons import reason_text

from .builders import pair_of, pairs_with, scaled_run
from .watches import SECOND, changed, swapped, watch_of

GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
PASSING = pairs_with([0.0] * 12)
ALPHA = OF_STOPS * GATE.alpha_spikes

Stopped = dict[tuple[Arm, int], list[float]]


def each(many: int, arm: Arm = "candidate", apart_s: float = 3.0) -> Stopped:
    """A stop of each of so many replicas."""
    return {(arm, at): [160.0 + apart_s * at] for at in range(many)}


def codes(verdict: Verdict) -> list[Reason]:
    return [fact.code for fact in verdict.reasons]


def judged(watch: Watch, pairs: Sequence[Pair] = PASSING) -> StopVerdict:
    return judge_stops(watch, pairs, GATE, ALPHA).verdict


def test_the_parts_are_those_that_spikes_had() -> None:
    assert pytest.approx(1.0) == OF_SPIKES + OF_STOPS + OF_GROWTH
    assert spikes_alpha(GATE, None) == GATE.alpha_spikes
    verdict = decide(PASSING, GATE, watch=watch_of())
    assert verdict.stops is not None
    assert verdict.spikes is not None
    parts = [verdict.spikes.threshold, verdict.stops.threshold]
    parts += [one.threshold for one in verdict.growth]
    assert sum(1 / one for one in parts) == pytest.approx(GATE.alpha_spikes)


def test_without_a_watch_nothing_changes() -> None:
    without = decide(PASSING, GATE)
    assert (without.stops, without.growth, without.outcome) == (None, (), Outcome.PASS)
    assert without.together is not None
    assert len(without.together.trace) == len(PASSING)
    off = GATE.model_copy(update={"spikes": Spikes(enabled=False)})
    assert decide(PASSING, off, watch=watch_of(each(16))) == decide(PASSING, off)


def test_a_quiet_watch_that_is_long_enough_passes() -> None:
    verdict = decide(PASSING, GATE, watch=watch_of())
    assert codes(verdict) == [Reason.NO_REGRESSION]
    stops = verdict.stops
    assert stops is not None
    assert (stops.baseline_stops, stops.candidate_stops, stops.shared) == (0, 0, 0)
    assert stops.missing_s == 0.0
    assert not stops.failed
    assert stops.candidate_exposure_s == pytest.approx(16 * 150 - 2 * sum(range(16)))
    assert stops.p_value == 1.0
    assert stops.found_every_s is not None
    assert 90 < stops.found_every_s < 180
    assert 100 < stops.found_from_start_s < 149


def test_more_stops_are_a_regression_and_name_themselves() -> None:
    watch = watch_of(each(12))
    verdict = decide(PASSING, GATE, watch=watch)
    assert verdict.outcome is Outcome.REGRESSION
    assert codes(verdict) == [Reason.MORE_STOPS]
    stops = verdict.stops
    assert stops is not None
    assert stops.failed
    assert (stops.candidate_stops, stops.candidate_with, stops.baseline_with) == (12, 12, 0)
    assert stops.longest_ns == 0.8 * SECOND
    assert stops.stage == "recv_wait"
    assert stops.ages_s[:2] == pytest.approx((61.0, 62.0))
    assert len(stops.ages_s) == 12
    assert stops.sure_ns == pytest.approx(50e6 + 3 / 8 * SECOND)
    assert (stops.silent, stops.undecided, stops.timer_s) == (0, False, None)
    assert "12 stops" in reason_text(verdict.reasons[0], verdict)
    # The other way round it is the baseline's trouble, and no candidate's.
    back = decide(PASSING, GATE, watch=swapped(watch))
    assert back.outcome is Outcome.PASS
    assert back.stops is not None
    assert (back.stops.baseline_stops, back.stops.candidate_stops) == (12, 0)
    # It fails before there is any pair.
    assert decide([], GATE, watch=watch).outcome is Outcome.REGRESSION


def test_stops_of_both_arms_fail_nothing() -> None:
    both = {**each(12), **{("baseline", at): [161.5 + 3.0 * at] for at in range(12)}}
    assert not judged(watch_of(both)).failed  # type: ignore[arg-type]
    stalls = {
        (arm, at): [160.0, 180.0, 200.0, 220.0]
        for arm in ("baseline", "candidate")
        for at in range(16)
    }
    found = judged(watch_of(stalls))  # type: ignore[arg-type]
    assert (found.shared, found.candidate_stops, found.failed) == (4, 0, False)


def test_one_bad_container_is_one_unit() -> None:
    """However often it stops, it may just as well have been the baseline's."""
    bad: Stopped = {("candidate", 3): [110.0 + 3.0 * at for at in range(40)]}
    found = judge_stops(watch_of(bad), PASSING, GATE, ALPHA)
    assert found.verdict.candidate_stops == 40
    assert not found.verdict.failed
    assert math.exp(found.evidence.now) <= 2.0


def test_a_pass_waits_until_the_watch_is_long_enough() -> None:
    short = watch_of(end_s=190.0)
    verdict = decide(PASSING, GATE, watch=short)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.WATCH_OPEN]
    assert waits_for_watch(verdict)
    assert verdict.only_undecided
    missing = verdict.reasons[0].numbers["missing_s"]
    assert missing == pytest.approx(120.0 - (16 * 90 - 240) / 16)
    assert verdict.stops is not None
    assert verdict.stops.missing_s == missing
    spent = decide(PASSING, GATE, budget_spent=Reason.BUDGET_MINUTES, watch=short)
    assert codes(spent) == [Reason.WATCH_OPEN, Reason.BUDGET_MINUTES]
    assert decide(PASSING, GATE, watch=replace(short, minutes=1.0)).outcome is Outcome.PASS
    # What is slower does not wait for it, and it is no reason while pairs are undecided.
    assert decide(pairs_with([0.4] * 12), GATE, watch=short).outcome is Outcome.REGRESSION
    assert codes(decide(PASSING[:2], GATE, watch=short)) == [Reason.BETWEEN_LIMITS]


def test_a_pass_waits_for_the_age_of_half_of_the_replicas() -> None:
    watch = watch_of(age_s=140.0)
    verdict = decide(PASSING, GATE, watch=watch)
    assert codes(verdict) == [Reason.WATCH_OPEN]
    # The eighth oldest of 16: started a second before it was watched, 14 s after the first.
    assert verdict.reasons[0].numbers["missing_s"] == pytest.approx(140.0 - 137.0)
    assert decide(PASSING, GATE, watch=replace(watch, age_s=137.0)).outcome is Outcome.PASS


@pytest.mark.parametrize("budget", [None, Reason.BUDGET_MINUTES])
def test_no_replica_up_is_no_pass(budget: Reason | None) -> None:
    for watch in (
        Watch((), 20_000_000, 16, 2.0, 0.0),
        Watch(watch_of().of("candidate"), 20_000_000, 16, 2.0, 0.0),
        Watch(watch_of().of("baseline"), 20_000_000, 16, 2.0, 0.0),
    ):
        verdict = decide(PASSING, GATE, budget_spent=budget, watch=watch)
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert codes(verdict)[0] is Reason.WATCH_OPEN
        assert verdict.stops is not None
        assert verdict.stops.undecided
        # No budget would be enough where no replica of the candidate is up.
        if not watch.of("candidate"):
            assert verdict.stops.missing_s == math.inf
            assert not verdict.only_undecided


def test_a_candidate_that_responds_to_nothing_was_not_watched() -> None:
    mute = changed(watch_of(), lambda one: one.arm == "candidate", exchanges=0, no_response=1200)
    verdict = decide(PASSING, GATE, watch=mute)
    assert codes(verdict) == [Reason.WATCH_OPEN]
    assert verdict.reasons[0].numbers["silent"] == 16
    assert verdict.stops is not None
    assert verdict.stops.candidate_exposure_s == 0.0
    assert verdict.stops.found_every_s is None
    # Requests that were never sent leave no trace but the exchanges that are not there.
    few = changed(watch_of(), lambda one: one.arm == "candidate", exchanges=60)
    assert decide(PASSING, GATE, watch=few).outcome is Outcome.INCONCLUSIVE
    # Nor does it help that the baseline is as silent.
    both = changed(watch_of(), lambda _one: True, exchanges=0)
    assert decide(PASSING, GATE, watch=both).outcome is Outcome.INCONCLUSIVE


def test_one_silent_replica_is_not_made_up_for_by_the_others() -> None:
    hung = changed(
        watch_of(end_s=900.0), lambda one: (one.arm, one.number) == ("candidate", 5), exchanges=200
    )
    verdict = decide(PASSING, GATE, watch=hung)
    assert codes(verdict) == [Reason.WATCH_OPEN]
    assert verdict.reasons[0].numbers == {"silent": 1}
    assert not verdict.only_undecided  # a longer watch would not make it respond
    died = changed(
        watch_of(end_s=900.0),
        lambda one: (one.arm, one.number) == ("candidate", 5),
        to_ns=400 * SECOND,
    )
    assert decide(PASSING, GATE, watch=died).outcome is Outcome.INCONCLUSIVE
    # The baseline's own is no trouble of the candidate, and both together are the machine's.
    assert decide(PASSING, GATE, watch=swapped(died)).outcome is Outcome.PASS
    twins = changed(watch_of(end_s=900.0), lambda one: one.number == 5, to_ns=400 * SECOND)
    assert decide(PASSING, GATE, watch=twins).outcome is Outcome.PASS


def test_requests_without_a_response_keep_a_pass_away() -> None:
    """What hangs at the very end has no exchange that shows it."""
    for many, outcome in ((2, Outcome.PASS), (3, Outcome.INCONCLUSIVE)):
        left = changed(
            watch_of(),
            lambda one, many=many: one.arm == "candidate" and one.number < many,
            no_response=1,
        )
        assert decide(PASSING, GATE, watch=left).outcome is outcome
        assert decide(PASSING, GATE, watch=swapped(left)).outcome is Outcome.PASS
    several = changed(
        watch_of(), lambda one: (one.arm, one.number) == ("candidate", 0), no_response=20
    )
    assert decide(PASSING, GATE, watch=several).reasons[0].numbers == {"silent": 1}
    # Services of both arms that lose some are alike, whoever has one more.
    flaky = replace(
        watch_of(),
        replicas=tuple(
            replace(one, no_response=(7 * one.number + 3 * (one.arm == "candidate")) % 5)
            for one in watch_of().replicas
        ),
    )
    assert decide(PASSING, GATE, watch=flaky).outcome is Outcome.PASS
    assert decide(PASSING, GATE, watch=swapped(flaky)).outcome is Outcome.PASS


def away(many: int, waited: int = 5, arm: Arm = "candidate", replicas: int = 16) -> Watch:
    """Requests to so many replicas waited, and connections were lost."""
    return changed(
        watch_of(replicas=replicas),
        lambda one: one.arm == arm and one.number < many,
        waited=waited,
        lost=8,
    )


def test_requests_that_waited_for_a_connection_keep_a_pass_away() -> None:
    """A service that restarts itself: the kernel saw no slow exchange."""
    verdict = decide(PASSING, GATE, watch=away(16))
    assert (verdict.outcome, codes(verdict)) == (Outcome.INCONCLUSIVE, [Reason.WATCH_OPEN])
    assert verdict.reasons[0].numbers == {"waited": 16}
    assert not verdict.only_undecided  # no longer watch takes them away
    assert verdict.stops is not None
    assert (verdict.stops.waited, verdict.stops.lost, verdict.stops.undecided) == (16, 0, True)
    said = reason_text(verdict.reasons[0], verdict)
    assert "requests to 16 replicas of the candidate waited for a connection" in said
    for many, outcome in ((1, Outcome.PASS), (2, Outcome.PASS), (4, Outcome.INCONCLUSIVE)):
        assert decide(PASSING, GATE, watch=away(many)).outcome is outcome, many
    assert decide(PASSING, GATE, watch=away(4, replicas=4)).outcome is Outcome.INCONCLUSIVE
    assert decide(PASSING, GATE, watch=away(2, replicas=2)).outcome is Outcome.INCONCLUSIVE
    assert decide(PASSING, GATE, watch=away(16, arm="baseline")).outcome is Outcome.PASS


def test_waits_that_both_arms_have_are_none_of_the_candidates() -> None:
    alike = changed(away(16), lambda one: one.arm == "baseline", waited=5, lost=8)
    assert decide(PASSING, GATE, watch=alike).outcome is Outcome.PASS
    # Many more of them in as many replicas are.
    more = changed(alike, lambda one: one.arm == "candidate", waited=80)
    assert decide(PASSING, GATE, watch=more).reasons[0].numbers == {"waited": 1}
    # A waiver of stops accepts as many times more of them.
    waiver = Waiver(
        metric="spikes",
        ceiling=1.0,
        expires=datetime.date(2027, 1, 1),
        link="https://example.org/1",
        baseline="0123456789ab",
    )
    twice = changed(alike, lambda one: one.arm == "candidate", waited=9)
    assert decide(PASSING, GATE, watch=twice).outcome is Outcome.INCONCLUSIVE
    assert decide(PASSING, GATE, watch=twice, waivers=[waiver]).outcome is Outcome.PASS
    assert decide(PASSING, GATE, watch=more, waivers=[waiver]).outcome is Outcome.INCONCLUSIVE


def test_lost_connections_are_judged_where_those_of_the_pairs_are() -> None:
    lost = changed(away(16), lambda _one: True, waited=0)
    assert decide(PASSING, GATE, watch=lost).outcome is Outcome.PASS
    judges = GATE.model_copy(update={"connections": True})
    verdict = decide(PASSING, judges, watch=lost)
    facts = {fact.code: fact for fact in verdict.reasons}
    assert facts[Reason.WATCH_OPEN].numbers == {"lost": 16}
    said = reason_text(facts[Reason.WATCH_OPEN], verdict)
    assert "16 replicas of the candidate ended connections that were to be kept" in said


def test_a_pass_waits_while_stops_speak_against_it() -> None:
    for many, outcome in ((1, Outcome.PASS), (2, Outcome.PASS), (3, Outcome.INCONCLUSIVE)):
        verdict = decide(PASSING, GATE, watch=watch_of(each(many)))
        assert verdict.outcome is outcome, many
    numbers = verdict.reasons[0].numbers
    assert codes(verdict) == [Reason.WATCH_OPEN]
    assert isinstance(numbers["evidence"], float)
    assert numbers["evidence"] > numbers["limit"] == AGAINST
    assert "missing_s" not in numbers
    # Few replicas cannot fail it by themselves, and they do not pass it either.
    few = decide(PASSING, GATE, watch=watch_of(each(4), replicas=4))
    assert few.outcome is Outcome.INCONCLUSIVE
    assert few.stops is not None
    assert few.stops.found_every_s is None


def test_a_pass_waits_where_all_of_the_candidate_stopped_at_one_moment() -> None:
    """One event is too little to fail by, and no chance either."""
    open_, passed = Outcome.INCONCLUSIVE, Outcome.PASS
    for many, outcome in ((16, open_), (9, open_), (8, open_), (4, passed)):
        at_once = watch_of({("candidate", at): [200.0] for at in range(many)})
        verdict = decide(PASSING, GATE, watch=at_once)
        assert verdict.outcome is outcome, many
        assert decide(PASSING, GATE, watch=swapped(at_once)).outcome is Outcome.PASS
        if outcome is Outcome.INCONCLUSIVE:
            assert verdict.reasons[0].numbers == {"at_once": many}
            # A longer watch takes nothing of it: a job that ends so is not a neutral one.
            assert not verdict.only_undecided
            assert f"{many} replicas" in reason_text(verdict.reasons[0], verdict)
    again = {("candidate", at): [150.0, 170.0, 190.0, 210.0, 230.0] for at in range(16)}
    found = judge_stops(watch_of(again), PASSING, GATE, ALPHA)  # type: ignore[arg-type]
    assert found.evidence.now > math.log(400.0)


def test_a_baseline_that_stops_by_chance_at_that_moment_hides_nothing() -> None:
    ours = {("candidate", at): [200.0] for at in range(15)}
    watch = watch_of({**ours, ("baseline", 4): [200.3]})  # type: ignore[dict-item]
    verdict = decide(PASSING, GATE, watch=watch)
    assert verdict.stops is not None
    assert (verdict.stops.shared, verdict.stops.candidate_stops) == (1, 0)
    assert verdict.reasons[0].numbers == {"at_once": 15}
    assert decide(PASSING, GATE, watch=swapped(watch)).outcome is Outcome.PASS
    # A stall of the machine hits both arms about alike, and one of many does so less evenly.
    even = {("baseline", at): [200.0] for at in range(10)} | {
        ("candidate", at): [200.0] for at in range(13)
    }
    assert decide(PASSING, GATE, watch=watch_of(even)).outcome is Outcome.PASS  # type: ignore[arg-type]


def test_the_evidence_stands_at_the_pairs_ends_and_now() -> None:
    watch = watch_of(each(12))
    ends = [
        replace(pair.candidate, window_from_ns=int((110.0 + 10.0 * at) * SECOND))
        for at, pair in enumerate(PASSING)
    ]
    pairs = [replace(pair, candidate=run) for pair, run in zip(PASSING, ends, strict=True)]
    verdict = decide(pairs, GATE, watch=watch)
    assert verdict.together is not None
    assert len(verdict.together.trace) == len(pairs) + 1
    found = judge_stops(watch, pairs, GATE, ALPHA)
    times = [run.window_from_ns + int(run.duration_s * SECOND) for run in ends]
    logs = found.log_evidence_at([*times, found.end_ns]).tolist()
    assert logs == sorted(logs)
    assert logs[0] < logs[-1] == pytest.approx(math.log(found.verdict.evidence))
    # What was known at an earlier look is not changed by what came since.
    earlier = judge_stops(
        changed(watch_of(each(5)), lambda _one: True, to_ns=175 * SECOND), pairs, GATE, ALPHA
    )
    assert earlier.log_evidence_at([174 * SECOND]) == pytest.approx(
        found.log_evidence_at([174 * SECOND])
    )


def test_the_threshold_is_the_largest_of_three() -> None:
    assert judged(watch_of()).threshold_ns == 50e6
    assert judged(replace(watch_of(), spike_ns=70_000_000)).threshold_ns == 70e6
    slow = scaled_run(4.0)
    usual = 5 * slow.histograms["service"].quantile_ns(0.999)
    assert judged(watch_of(), [pair_of(slow, slow)]).threshold_ns == pytest.approx(usual)


def test_a_waiver_of_spikes_accepts_as_many_more_and_fails_what_is_beyond() -> None:
    waiver = Waiver(
        metric="spikes",
        ceiling=1.0,
        expires=datetime.date(2027, 1, 1),
        link="https://example.org/1",
        baseline="0123456789ab",
    )
    twice = {
        **{("baseline", at): [130.0 + at] for at in range(6)},
        **{("candidate", at): [150.0 + at * 2] for at in range(12)},
    }
    gate = GATE
    open_ = decide(PASSING, gate, watch=watch_of(twice))  # type: ignore[arg-type]
    waived = decide(PASSING, gate, watch=watch_of(twice), waivers=[waiver])  # type: ignore[arg-type]
    assert open_.stops is not None
    assert waived.stops is not None
    assert waived.outcome is Outcome.PASS
    assert waived.stops.candidate_stops == open_.stops.candidate_stops == 12
    assert waived.stops.evidence < open_.stops.evidence
    assert waived.stops.waived is not None
    assert waived.stops.found_every_s == pytest.approx((open_.stops.found_every_s or 0.0) / 2)
    often = {
        ("candidate", at): [140.0 + (at + again) % 16 + 20.0 * again for again in range(5)]
        for at in range(16)
    }
    beyond = decide(PASSING, gate, watch=watch_of(often), waivers=[waiver])  # type: ignore[arg-type]
    assert beyond.outcome is Outcome.REGRESSION


def test_overlapping_requests_fail_nothing_by_time() -> None:
    overlapping = scaled_run(0.0, {"overlapped": 3000, "recorded": 6000})
    pairs = [pair_of(overlapping, overlapping, at) for at in range(8)]
    verdict = decide(pairs, GATE, watch=watch_of(each(16)))
    assert codes(verdict)[0] is Reason.OVERLAPPING_REQUESTS
    assert verdict.outcome is Outcome.INCONCLUSIVE
