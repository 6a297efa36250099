from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.stop_verdict import GROWTH_TOLERANCE, GrowthVerdict
from socklat_gate.measured.verdict import Outcome
from socklat_gate.measured.watch import Replica, Watch
from socklat_gate.scenario.gating import Gate, Metric, Waiver
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.growth import AGAINST, GROWN, judge_growth
from socklat_gate.verdict.growth_scores import growth_at

from .builders import pairs_with
from .watches import SECOND, swapped, watch_of, with_slices

GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
PASSING = pairs_with([0.0] * 12)
ALPHA = 0.001


def growing(
    watch: Watch,
    response: float = 0.0,
    memory: float = 0.0,
    cpu: float = 0.0,
    *,
    both: float = 0.0,
    noise: float = 0.01,
) -> Watch:
    """The candidate's change of the logarithm a minute; ``both``: of either arm's latency."""
    rng = np.random.default_rng(7)

    def level(one: Replica, age_s: float) -> tuple[float, int, int]:
        ours = one.arm == "candidate"
        minutes = age_s / 60.0
        changes = [ours * rate * minutes for rate in (response, memory, cpu)]
        p50 = 2e6 * math.exp(changes[0] + both * minutes + noise * rng.standard_normal())
        used = 40e6 * math.exp(changes[1] + noise * 0.1 * rng.standard_normal())
        spent = 4e7 * math.exp(changes[2] + noise * rng.standard_normal())
        return p50, int(used), int(spent)

    return with_slices(watch, level)


def found(watch: Watch) -> dict[str, GrowthVerdict]:
    return {one.verdict.what: one.verdict for one in judge_growth(watch, ALPHA)}


FOUR_MINUTES = watch_of(end_s=345.0, apart_s=1.0)


@pytest.mark.parametrize("what", GROWN)
def test_what_grows_fails_and_is_named(what: str) -> None:
    watch = growing(FOUR_MINUTES, **{what: 0.2})  # type: ignore[arg-type]
    verdicts = found(watch)
    assert [one.what for one in verdicts.values() if one.failed] == [what]
    one = verdicts[what]
    assert one.replicas == 16
    assert 1.0 < one.minutes < 3.5
    assert one.candidate_change == pytest.approx(math.expm1(0.2 * one.minutes), rel=0.1)
    assert one.baseline_change == pytest.approx(0.0, abs=0.02)
    assert one.change == pytest.approx(math.expm1(0.2), rel=0.1)
    assert one.ci_low < one.change < one.ci_high
    verdict = decide(PASSING, GATE, watch=watch)
    assert verdict.outcome is Outcome.REGRESSION
    assert [(fact.code, fact.subject) for fact in verdict.reasons] == [(Reason.GROWTH, what)]
    assert decide(PASSING, GATE, watch=swapped(watch)).outcome is Outcome.PASS


def test_what_grows_in_both_arms_fails_nothing() -> None:
    verdicts = found(growing(FOUR_MINUTES, both=0.3))
    assert not any(one.failed for one in verdicts.values())
    assert verdicts["response"].baseline_change > 0.5


@pytest.mark.parametrize("what", GROWN)
def test_growth_within_the_tolerance_fails_nothing(what: str) -> None:
    rate = math.log1p(GROWTH_TOLERANCE[what])  # type: ignore[index]
    watch = growing(FOUR_MINUTES, **{what: rate})  # type: ignore[arg-type]
    assert not found(watch)[what].failed


def waiver_of(metric: str, ceiling: float) -> Waiver:
    link = "https://example.org/decisions/7"
    return Waiver(
        metric=metric, ceiling=ceiling, expires=date(2999, 1, 1), link=link, baseline="1" * 12
    )


@pytest.mark.parametrize("name", ["growth_memory", "growth"])
def test_a_waiver_accepts_growth_up_to_its_ceiling_and_no_more(name: str) -> None:
    watch = growing(FOUR_MINUTES, memory=0.2)
    waived = decide(PASSING, GATE, watch=watch, waivers=(waiver_of(name, 0.3),))
    assert waived.outcome is Outcome.PASS
    memory = waived.growth[-1]
    assert memory.what == "memory"
    assert memory.waived is not None
    assert memory.waived.ceiling == 0.3
    steeper = growing(FOUR_MINUTES, memory=0.5)
    failed = decide(PASSING, GATE, watch=steeper, waivers=(waiver_of(name, 0.3),))
    assert failed.outcome is Outcome.REGRESSION
    assert [fact.subject for fact in failed.reasons] == ["memory"]


def test_a_waiver_of_one_kind_of_growth_lets_no_other_through() -> None:
    watch = growing(FOUR_MINUTES, response=0.2, memory=0.2)
    verdict = decide(PASSING, GATE, watch=watch, waivers=(waiver_of("growth_memory", 0.3),))
    assert verdict.outcome is Outcome.REGRESSION
    assert [fact.subject for fact in verdict.reasons] == ["response"]


def test_it_says_nothing_before_two_minutes() -> None:
    verdicts = found(growing(watch_of(end_s=215.0, apart_s=0.0), response=1.0))
    one = verdicts["response"]
    assert (one.replicas, one.failed) == (0, False)
    assert math.isnan(one.change)
    assert math.isnan(one.minutes)
    assert (one.ci_low, one.ci_high) == (-math.inf, math.inf)
    assert not found(watch_of())["memory"].failed


def test_what_is_not_known_is_left_out() -> None:
    watch = growing(FOUR_MINUTES, response=0.2, memory=0.2)
    replicas = tuple(
        replace(
            one, slices=tuple(replace(part, memory_bytes=None, cpu_ns=None) for part in one.slices)
        )
        for one in watch.replicas
    )
    verdicts = found(replace(watch, replicas=replicas))
    assert verdicts["memory"].replicas == verdicts["cpu"].replicas == 0
    assert verdicts["response"].failed
    # A replica without a response in its first minute, or its last, has no change of it.
    idle = tuple(
        replace(one, slices=tuple(replace(part, exchanges=0) for part in one.slices))
        if one.number == 2
        else one
        for one in watch.replicas
    )
    assert growth_at(replace(watch, replicas=idle), "response", 345 * SECOND).whole.shape == (2, 15)


def test_a_pass_waits_while_something_may_grow() -> None:
    """Three minutes of six replicas of each arm: not enough to fail by, too much for a pass."""
    watch = growing(watch_of(end_s=300.0, apart_s=0.0, replicas=6), response=0.3)
    verdict = decide(PASSING, GATE, watch=watch)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [(fact.code, fact.subject) for fact in verdict.reasons] == [
        (Reason.WATCH_OPEN, "growth_response")
    ]
    evidence = verdict.reasons[0].numbers["evidence"]
    assert isinstance(evidence, float)
    assert evidence > AGAINST
    assert decide(PASSING, GATE, watch=growing(watch_of())).outcome is Outcome.PASS
