"""The highest rate as a metric of a gate: rounds that follow its pairs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.capacity import CapacityRound
from socklat_gate.measured.names import CAPACITY_RPS
from socklat_gate.measured.open_verdict import rounds_may_decide, unnamed, waits_for_rounds
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.scenario.gating import Gate, Waiver
from socklat_gate.verdict.capacity import MeasuredCapacity
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.stored import compare
from tests.unit.factories import make_rounds

from .builders import campaign_of, pairs_with, scaled_run

LATENCY = [
    {"quantile": 0.5, "tolerance": 0.02, "regression_threshold": 0.05},
    {"quantile": 0.9, "tolerance": 0.03, "regression_threshold": 0.08},
]
GATE = Gate.model_validate({"metrics": [*LATENCY, {"stage": "capacity"}]})
EQUAL = pairs_with(np.random.default_rng(8).normal(0, 0.01, 12))
EVEN = [0.01, -0.01] * 5


def judged(
    losses: Sequence[float], pairs: Sequence[object] = EQUAL, gate: Gate = GATE, **changes: object
) -> Verdict:
    measured = MeasuredCapacity(make_rounds(losses), 30_000_000)
    return decide(pairs, gate, capacity=replace(measured, **changes))  # type: ignore[arg-type]


def codes(verdict: Verdict) -> list[Reason]:
    return [fact.code for fact in verdict.reasons]


def test_a_gate_that_asks_for_it_does_not_pass_without_rounds() -> None:
    verdict = decide(EQUAL, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.CAPACITY_UNDECIDED]
    assert all(metric.verdict is Outcome.PASS for metric in verdict.metrics)
    assert waits_for_rounds(verdict)
    assert verdict.capacity is not None
    assert verdict.capacity.verdict.rounds == 0
    spent = decide(EQUAL, GATE, budget_spent=Reason.BUDGET_MINUTES)
    assert codes(spent) == [Reason.CAPACITY_UNDECIDED, Reason.BUDGET_MINUTES]


def test_a_gate_that_does_not_ask_has_none() -> None:
    verdict = decide(EQUAL, Gate.model_validate({"metrics": LATENCY}))
    assert (verdict.outcome, verdict.capacity) == (Outcome.PASS, None)


def test_the_same_capacity_passes() -> None:
    verdict = judged(EVEN)
    assert verdict.outcome is Outcome.PASS
    assert verdict.capacity is not None
    assert verdict.capacity.verdict.outcome is Outcome.PASS


def test_too_few_rounds_do_not() -> None:
    assert codes(judged(EVEN[:3])) == [Reason.CAPACITY_UNDECIDED]


def test_less_capacity_is_a_regression_by_that_name() -> None:
    verdict = judged([0.5] * 14)
    assert verdict.outcome is Outcome.REGRESSION
    assert [(f.code, f.subject) for f in verdict.reasons] == [(Reason.LESS_CAPACITY, CAPACITY_RPS)]
    assert verdict.together is not None
    assert verdict.together.evidence >= verdict.together.threshold
    assert len(verdict.together.trace) == len(EQUAL) + 14


def test_rounds_of_a_loss_that_is_tolerated_fail_nothing() -> None:
    assert judged([0.04] * 40).outcome is not Outcome.REGRESSION


def test_a_metric_that_failed_needs_no_rounds() -> None:
    verdict = decide(pairs_with([0.4] * 12), GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert {fact.subject for fact in verdict.reasons} == {"response_p50", "response_p90"}
    assert not rounds_may_decide(verdict)


def test_rounds_can_fail_what_pairs_left_open() -> None:
    pairs = pairs_with([0.0, 0.0])
    left = decide(pairs, GATE, budget_spent=Reason.BUDGET_PAIRS)
    assert rounds_may_decide(left)
    measured = MeasuredCapacity(make_rounds([0.5] * 14), 30_000_000)
    failed = decide(pairs, GATE, budget_spent=Reason.BUDGET_PAIRS, capacity=measured)
    assert failed.outcome is Outcome.REGRESSION
    # ... and cannot pass it.
    measured = replace(measured, rounds=make_rounds(EVEN))
    passed = decide(pairs, GATE, budget_spent=Reason.BUDGET_PAIRS, capacity=measured)
    assert passed.outcome is Outcome.INCONCLUSIVE
    assert codes(passed) == [Reason.BUDGET_PAIRS]


@pytest.mark.parametrize(
    ("rounds", "differ", "reason"),
    [
        (make_rounds(EVEN, driver_limited=3), False, Reason.LOAD_NOT_DELIVERED),
        # Only the baseline's capacity is beyond the driver's: what the candidate lost is hidden.
        (make_rounds(EVEN, driver_limited=1, of_baseline=1), False, Reason.LOAD_NOT_DELIVERED),
        (make_rounds(EVEN), True, Reason.ANSWERS_DIFFER),
    ],
)
def test_rounds_that_show_nothing_are_no_pass(
    rounds: tuple[CapacityRound, ...], differ: bool, reason: Reason
) -> None:
    verdict = decide(EQUAL, GATE, capacity=MeasuredCapacity(rounds, 30_000_000, differ))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [(fact.code, fact.subject) for fact in verdict.reasons] == [(reason, CAPACITY_RPS)]


def test_evidence_that_is_enough_only_together_has_no_name() -> None:
    """Each of the three falls short by less than the others have."""
    found = [judged([0.5] * rounds, pairs_with([0.05] * 10)) for rounds in range(4, 14)]
    alone = next(n for n, one in enumerate(found) if Reason.LESS_CAPACITY in codes(one))
    first = next(n for n, one in enumerate(found) if one.outcome is Outcome.REGRESSION)
    assert first < alone
    assert unnamed(found[first]) or found[first].reasons[0].code is Reason.REGRESSION


def test_a_waiver_moves_the_zone() -> None:
    waiver = Waiver(
        metric=CAPACITY_RPS,
        ceiling=0.6,
        expires=datetime.date(2036, 1, 1),
        link="https://example.org/17",
        baseline="1f2e3d4c5b6a",
    )
    measured = MeasuredCapacity(make_rounds([0.5] * 14), 30_000_000)
    verdict = decide(EQUAL, GATE, capacity=measured, waivers=[waiver])
    assert verdict.outcome is Outcome.PASS
    assert verdict.capacity is not None
    limits = verdict.capacity.limits
    assert limits.tolerance == pytest.approx(0.6)
    assert (1 - limits.threshold) / (1 - limits.tolerance) == pytest.approx(0.85 / 0.95)
    assert verdict.capacity.verdict.waived is not None
    worse = replace(measured, rounds=make_rounds([0.8] * 14))
    assert decide(EQUAL, GATE, capacity=worse, waivers=[waiver]).outcome is Outcome.REGRESSION


def test_stored_numbers_do_not_pass_it() -> None:
    stored = [campaign_of([scaled_run(0.001 * at)]) for at in range(6)]
    candidate = campaign_of([scaled_run(0.002)])
    assert compare(stored, candidate, Gate.model_validate({"metrics": LATENCY})).outcome is (
        Outcome.PASS
    )
    verdict = compare(stored, candidate, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [(f.code, f.subject) for f in verdict.reasons] == [(Reason.NOT_MEASURED, CAPACITY_RPS)]
    slower = compare(stored, campaign_of([scaled_run(0.5)]), GATE)
    assert slower.outcome is Outcome.REGRESSION


def test_all_parts_of_alpha_are_alpha() -> None:
    parts = [GATE.alpha_spikes, *(GATE.alpha_count for _ in GATE.counted)]
    parts += [GATE.alpha_of(metric) for metric in GATE.metrics]
    assert sum(parts) == pytest.approx(GATE.alpha)


def test_it_alone_is_a_gate() -> None:
    gate = Gate.model_validate({"metrics": [{"stage": "capacity"}]})
    assert gate.needs_baseline
    assert not gate.compared
    assert waits_for_rounds(decide(EQUAL[:1], gate))
    assert judged(EVEN, EQUAL[:1], gate).outcome is Outcome.PASS
