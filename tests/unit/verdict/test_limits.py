from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from socklat_gate.errors import Reason
from socklat_gate.measured.run import Run, StallCorrected
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict.beside_limit import running_above_evidence
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.limits_alone import decide_by_limits
from socklat_gate.verdict.stored import compare
from tests.unit.verdict.builders import SERVICE_NS, campaign_of, pair_of, run_of, scaled_run

P50_MS = 0.4
"""Of the reference: `SERVICE_NS` is log-normal around it."""


def gate(limit_ms: float, quantile: float = 0.5, **changes: object) -> Gate:
    metrics = [Metric(stage="service", quantile=quantile, limit_ms=limit_ms)]
    return Gate(metrics=metrics, **changes)


def runs_about(log_change: float, sd: float, count: int, seed: int = 1) -> list[Run]:
    rng = np.random.default_rng(seed)
    return [scaled_run(x) for x in rng.normal(log_change, sd, count)]


def first_decision(runs: Sequence[Run], limits: Gate) -> tuple[Outcome, int]:
    """As a job looks: after every run."""
    for number in range(1, len(runs) + 1):
        verdict = decide_by_limits(runs[:number], limits)
        if verdict.outcome is not Outcome.INCONCLUSIVE:
            return verdict.outcome, number
    return Outcome.INCONCLUSIVE, len(runs)


def codes(verdict: Verdict) -> list[Reason]:
    return [fact.code for fact in verdict.reasons]


@pytest.mark.parametrize(
    ("log_change", "quantile", "limit_ms", "outcome", "within"),
    [
        (0.0, 0.5, 0.8, Outcome.PASS, 6),  # half of the limit
        (0.0, 0.5, 0.44, Outcome.PASS, 12),  # 9% below it
        (0.0, 0.99, 2.0, Outcome.PASS, 8),  # the reference's p99 is 1.28 ms
        (1.0, 0.5, 0.8, Outcome.REGRESSION, 12),
        (1.0, 0.99, 2.0, Outcome.REGRESSION, 5),
        (0.3, 0.99, 1.28, Outcome.REGRESSION, 8),
    ],
)
def test_runs_clearly_on_one_side_decide_soon(
    log_change: float, quantile: float, limit_ms: float, outcome: Outcome, within: int
) -> None:
    found, number = first_decision(runs_about(log_change, 0.03, 40), gate(limit_ms, quantile))
    assert found is outcome
    assert number <= within


def test_at_the_limit_nothing_is_shown() -> None:
    verdict = decide_by_limits(runs_about(0.0, 0.05, 20), gate(P50_MS), Reason.BUDGET_PAIRS)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.LIMIT_NOT_SHOWN, Reason.BUDGET_PAIRS]
    assert verdict.only_undecided
    (limit,) = verdict.limits
    assert limit.ci_low_ns < limit.limit_ns < limit.ci_high_ns


def test_a_candidate_that_is_slow_in_some_of_its_starts_is_above() -> None:
    """A quarter of the starts take 20 times as long, so a quarter of the requests do."""
    runs = [scaled_run(3.0 if number % 4 == 3 else 0.0) for number in range(24)]
    found, number = first_decision(runs, gate(2.0, 0.99))
    assert (found, number <= 16) == (Outcome.REGRESSION, True)


def test_all_limits_have_to_be_shown_for_a_pass() -> None:
    both = Gate(
        metrics=[
            Metric(stage="service", quantile=0.5, limit_ms=0.8),
            Metric(stage="service", quantile=0.99, limit_ms=1.28),
        ]
    )
    verdict = decide_by_limits(runs_about(0.0, 0.03, 12), both)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [limit.verdict for limit in verdict.limits] == [Outcome.PASS, Outcome.INCONCLUSIVE]
    assert [fact.subject for fact in verdict.reasons] == ["service_p99"]


def test_a_run_with_too_few_exchanges_keeps_a_pass_away() -> None:
    runs = [*runs_about(0.0, 0.03, 12), run_of(SERVICE_NS[:90])]
    verdict = decide_by_limits(runs, gate(0.8), Reason.BUDGET_PAIRS)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert Reason.TOO_FEW_SAMPLES in codes(verdict)
    assert not verdict.only_undecided


def test_overlapping_requests_are_held_to_no_limit() -> None:
    runs = [scaled_run(3.0, {"overlapped": 900, "recorded": 6000})] * 20
    verdict = decide_by_limits(runs, gate(0.8))
    assert (verdict.outcome, codes(verdict)) == (
        Outcome.INCONCLUSIVE,
        [Reason.OVERLAPPING_REQUESTS],
    )


def test_nothing_measured_is_no_pass() -> None:
    verdict = decide_by_limits([], gate(0.8), Reason.BUDGET_MINUTES)
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_a_pass_waits_while_raw_numbers_are_above() -> None:
    """Corrected to half of the limit, and twice the limit as clients saw it."""
    calm, seen = scaled_run(0.0), scaled_run(np.log(4.0))
    corrected = StallCorrected(
        calm.histograms, calm.bands, used=calm.histograms, logged=SERVICE_NS.size
    )
    run = replace(seen, corrected=corrected)
    verdict = decide_by_limits([run] * 20, gate(0.8))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert decide_by_limits([calm] * 20, gate(0.8)).outcome is Outcome.PASS


def test_a_limit_fails_beside_a_comparison_that_passes() -> None:
    """Both arms are equal, and both take longer than is allowed."""
    metrics = [
        Metric(
            stage="service", quantile=0.5, tolerance=0.02, regression_threshold=0.05, limit_ms=0.2
        )
    ]
    pairs = [pair_of(scaled_run(0.0), scaled_run(0.0), index) for index in range(16)]
    verdict = decide(pairs, Gate(metrics=metrics))
    assert verdict.outcome is Outcome.REGRESSION
    assert codes(verdict) == [Reason.ABOVE_LIMIT]
    assert verdict.metrics[0].verdict is Outcome.PASS
    undecided = Gate(metrics=[metrics[0].model_copy(update={"limit_ms": P50_MS})])
    verdict = decide(pairs, undecided, budget_spent=Reason.BUDGET_PAIRS)
    assert (verdict.outcome, codes(verdict)[0]) == (Outcome.INCONCLUSIVE, Reason.LIMIT_NOT_SHOWN)


def test_limits_alone_are_judged_in_pairs_too() -> None:
    pairs = [pair_of(scaled_run(3.0), scaled_run(0.0), index) for index in range(8)]
    assert decide(pairs, gate(0.8)).outcome is Outcome.PASS
    assert decide(pairs, gate(0.1)).outcome is Outcome.INCONCLUSIVE
    assert decide(pairs * 2, gate(0.1)).outcome is Outcome.REGRESSION


def test_stored_numbers_are_no_reason_to_forget_a_limit() -> None:
    stored = [campaign_of([scaled_run(0.001 * n)] * 2) for n in range(5)]
    runs = [scaled_run(0.0)] * 16
    for limit_ms, outcome in (
        (0.8, Outcome.PASS),
        (P50_MS, Outcome.INCONCLUSIVE),
        (0.1, Outcome.REGRESSION),
    ):
        verdict = compare(stored, campaign_of(runs), gate(limit_ms))
        assert verdict.outcome is outcome
        assert len(verdict.limits) == 1


@pytest.mark.parametrize("quantile", [0.5, 0.99])
@pytest.mark.parametrize("kind", ["steady", "odd starts"])
def test_false_alarms_at_the_limit_stay_below_alpha_at_any_look(quantile: float, kind: str) -> None:
    """Shares whose mean is exactly what is allowed, whatever the starts differ by."""
    rng, allowed = np.random.default_rng(7), 1.0 - quantile
    jobs, starts, alpha = 2000, 40, 0.01
    if kind == "steady":
        shares = rng.binomial(1000, allowed, (jobs, starts)) / 1000
    else:  # all requests of a start are above, or none
        shares = (rng.random((jobs, starts)) < allowed).astype(float)
    failed = sum(running_above_evidence(row, allowed).max() >= -np.log(alpha) for row in shares)
    assert failed / jobs <= alpha + 3 * np.sqrt(alpha / jobs)


@pytest.mark.parametrize("jobs", [20, pytest.param(600, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("quantile", "sd"), [(0.5, 0.02), (0.9, 0.1)])
def test_error_rates_of_jobs_whose_candidate_is_at_its_limit(
    quantile: float, sd: float, jobs: int
) -> None:
    """Starts of 1000 log-normal requests; a job stops at the first look that decides."""
    rng = np.random.default_rng(11)
    limits = gate(0.4 * float(np.exp(0.5 * norm.ppf(quantile))), quantile)
    wrong = {Outcome.PASS: 0, Outcome.REGRESSION: 0, Outcome.INCONCLUSIVE: 0}
    for _ in range(jobs):
        levels = rng.normal(0.0, sd, 12)
        times = np.exp(rng.normal(levels[:, np.newaxis], 0.5, (12, 1000)))
        wrong[first_decision([run_of(400_000 * row) for row in times], limits)[0]] += 1
    for outcome, rate in (
        (Outcome.PASS, limits.alpha_pass),
        (Outcome.REGRESSION, limits.alpha_metric),
    ):
        assert wrong[outcome] <= jobs * rate + 3 * np.sqrt(jobs * rate) + 1
