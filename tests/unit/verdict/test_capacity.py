from __future__ import annotations

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.capacity import CapacityLimits, CapacityRound
from socklat_gate.measured.verdict import Outcome
from socklat_gate.verdict.capacity import judge_capacity

LIMITS = CapacityLimits(
    within_ns=10_000_000, share=0.99, tolerance=0.05, threshold=0.15, alpha=0.01, alpha_pass=0.05
)


def rounds(losses: list[float], driver_limited: int = 0) -> list[CapacityRound]:
    return [
        CapacityRound(at, at, "baseline", 1000.0, 1000.0 * (1 - loss), 12, 4, driver_limited, 15.0)
        for at, loss in enumerate(losses)
    ]


def decision(losses: list[float]) -> Outcome | None:
    """The first one of a job that judges after each round."""
    ends = (judge_capacity(rounds(losses[:n]), LIMITS).outcome for n in range(1, len(losses) + 1))
    return next((end for end in ends if end is not Outcome.INCONCLUSIVE), None)


def test_half_the_capacity_fails_in_ten_rounds() -> None:
    found = judge_capacity(rounds([0.5] * 10), LIMITS)
    assert found.outcome is Outcome.REGRESSION
    assert found.reason is Reason.LESS_CAPACITY
    assert found.change == pytest.approx(-0.5)


def test_equal_capacities_pass() -> None:
    found = judge_capacity(rounds([0.0, 0.01, -0.01, 0.02, -0.02, 0.0, 0.01, -0.01]), LIMITS)
    assert found.outcome is Outcome.PASS
    assert found.ci_low <= 0.0 <= found.ci_high


def test_more_capacity_passes() -> None:
    assert judge_capacity(rounds([-0.5] * 8), LIMITS).outcome is Outcome.PASS


def test_two_rounds_decide_nothing() -> None:
    found = judge_capacity(rounds([0.9, 0.9]), LIMITS)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.ci_low == -1.0  # unknown: not even a candidate that carries nothing is excluded
    assert found.ci_high == np.inf


def test_a_driver_at_its_end_lets_nothing_pass() -> None:
    """Both arms stop where the driver does, however much slower one of them is."""
    found = judge_capacity(rounds([0.0] * 10, driver_limited=3), LIMITS)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.reason is Reason.LOAD_NOT_DELIVERED


def test_a_candidate_that_responds_otherwise_does_not_pass_but_may_fail() -> None:
    found = judge_capacity(rounds([-0.5] * 8), LIMITS, differ=True)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.reason is Reason.ANSWERS_DIFFER
    failed = judge_capacity(rounds([0.5] * 10), LIMITS, differ=True)
    assert failed.outcome is Outcome.REGRESSION


@pytest.mark.parametrize("jobs", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_false_alarms_are_rare(jobs: int) -> None:
    rng = np.random.default_rng(7)
    failed = passed = 0
    for _ in range(jobs):
        noise = rng.normal(0.0, 0.05, 15)
        decided = decision(list(noise))
        failed += decided is Outcome.REGRESSION
        passed += decided is Outcome.PASS
    assert failed <= 0.01 * jobs
    assert passed >= 0.9 * jobs


@pytest.mark.parametrize("jobs", [150, pytest.param(500, marks=pytest.mark.slow)])
def test_a_loss_at_the_threshold_seldom_passes(jobs: int) -> None:
    rng = np.random.default_rng(8)
    passed = 0
    for _ in range(jobs):
        losses = 1 - (1 - LIMITS.threshold) * np.exp(rng.normal(0.0, 0.05, 15))
        passed += decision(list(losses)) is Outcome.PASS
    assert passed <= LIMITS.alpha_pass * jobs
