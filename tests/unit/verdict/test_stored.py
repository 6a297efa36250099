from __future__ import annotations

import datetime
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from socklat_gate.errors import Reason
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario import Gate, Metric, Waiver
from socklat_gate.verdict.prediction import BUCKET_VARIANCE, paule_mandel, prediction_of
from socklat_gate.verdict.stored import compare, drift
from socklat_gate.wording.drift_text import drift_text
from socklat_gate.wording.reasons import reason_text
from socklat_gate.wording.units import change
from tests.unit.factories import make_answers

from .builders import SERVICE_NS, campaign_of, pairs_with, run_of, scaled_run

GATE = Gate()
RUN_NOISE = (-0.004, 0.0, 0.004)


def campaign(change: float) -> Campaign:
    return campaign_of([scaled_run(change + noise) for noise in RUN_NOISE])


STORED = [campaign(x) for x in (-0.004, -0.002, 0.0, 0.001, 0.003, 0.002)]


def test_the_same_image_passes() -> None:
    verdict = compare(STORED, campaign(0.0), GATE)
    assert verdict.outcome is Outcome.PASS
    assert [fact.code for fact in verdict.reasons] == [Reason.WITHIN_PREDICTION]
    for metric in verdict.metrics:
        assert metric.ci_low < 0 < metric.ci_high
        assert math.isnan(metric.evidence_fail)
        assert math.isnan(metric.evidence_pass)
        assert 0.5 < metric.mde < 0.8  # a slow day's +50%, and the tolerance
    assert verdict.metrics[0].baseline_ns == pytest.approx(400_000, rel=0.01)


def test_responses_of_another_kind_keep_a_pass_away() -> None:
    def responding(status: str, one: Campaign) -> Campaign:
        answers = make_answers({status: 6000})
        runs = (replace(run, load=replace(run.load, answers=answers)) for run in one.runs)
        return replace(one, runs=tuple(runs))

    stored = [responding("200", one) for one in STORED]
    assert compare(stored, responding("200", campaign(0.0)), GATE).outcome is Outcome.PASS
    redirected = responding("302", campaign(-0.3))
    verdict = compare(stored, redirected, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [fact.code for fact in verdict.reasons] == [Reason.ANSWERS_DIFFER]
    accepted = GATE.model_copy(update={"accept_answers": ["statuses"]})
    assert compare(stored, redirected, accepted).outcome is Outcome.PASS
    slower = compare(stored, responding("302", campaign(0.7)), GATE)
    assert slower.outcome is Outcome.REGRESSION
    assert slower.reasons[-1].code is Reason.ANSWERS_DIFFER
    # Campaigns of before it was known what came back.
    assert compare(STORED, redirected, GATE).outcome is Outcome.PASS


def test_runs_of_blocks_need_their_part_of_the_exchanges() -> None:
    """Each of them got half of the load: 30 requests beyond p99, where an arm has 60."""

    def halves(change: float, containers: str) -> Campaign:
        runs = [run_of(np.round(SERVICE_NS[::2] * math.exp(change + x))) for x in RUN_NOISE]
        one = campaign_of(runs)
        return replace(one, fingerprint=Fingerprint({"containers": containers}))

    changes = (-0.004, -0.002, 0.0, 0.001, 0.003, 0.002)
    stored = [halves(x, "2") for x in changes]
    assert {one.containers for one in stored} == {2}
    assert compare(stored, halves(0.0, "2"), GATE).outcome is Outcome.PASS
    for said in ("1", "1000000", "many", ""):
        alone = [halves(x, said) for x in changes]
        assert {one.containers for one in alone} == {1}
        verdict = compare(alone, alone[0], GATE)
        assert Reason.TOO_FEW_SAMPLES in {fact.code for fact in verdict.reasons}


def test_a_slower_image_is_a_regression() -> None:
    verdict = compare(STORED, campaign(0.7), GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert [fact.code for fact in verdict.reasons] == [Reason.REGRESSION] * 4
    assert verdict.metrics[2].change == pytest.approx(math.expm1(0.7), abs=0.01)
    assert verdict.metrics[2].ci_low > 0.8


def test_what_a_slow_day_explains_is_no_regression_until_one_would_have_been_met() -> None:
    slow = campaign(0.3)
    verdict = compare(STORED, slow, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert {fact.code for fact in verdict.reasons} == {Reason.BETWEEN_LIMITS}
    text = reason_text(verdict.reasons[0], verdict)
    assert "a slow day would explain it too, and 6 campaigns may not have met one (17" in text
    assert f"fails from {change(verdict.metrics[0].mde)} on" in text
    assert compare(STORED * 2 + STORED[:5], slow, GATE).outcome is Outcome.REGRESSION


def test_a_stored_slow_day_is_no_reason_to_pass_a_slower_image() -> None:
    """A history that met one is blind, and says so."""
    verdict = compare([*STORED, campaign(0.4)], campaign(0.3), GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert min(metric.mde for metric in verdict.metrics) > 1.0


def test_a_faster_image_passes() -> None:
    assert compare(STORED, campaign(-0.3), GATE).outcome is Outcome.PASS


def test_a_change_inside_the_zone_is_between_the_limits() -> None:
    gate = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
    spread = [campaign(x) for x in (-0.015, -0.007, 0.0, 0.007, 0.015)]
    verdict = compare(spread, campaign(math.log(1.03)), gate)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [fact.code for fact in verdict.reasons] == [Reason.BETWEEN_LIMITS]


def test_the_smallest_change_found_is_the_mde() -> None:
    gate = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
    at_zero = compare(STORED, campaign(0.0), gate).metrics[0]
    mde = math.log1p(at_zero.mde) - math.log1p(at_zero.change)
    assert compare(STORED, campaign(mde + 0.004), gate).outcome is Outcome.REGRESSION
    assert compare(STORED, campaign(mde - 0.004), gate).outcome is not Outcome.REGRESSION


@pytest.mark.parametrize(("stored", "missing"), [(4, "1 more"), (1, "4 more"), (0, "5 more")])
def test_few_campaigns_never_decide(stored: int, missing: str) -> None:
    verdict = compare(STORED[:stored], campaign(1.0), GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert (verdict.reasons[0].code, len(verdict.metrics)) == (Reason.TOO_FEW_CAMPAIGNS, 4)
    assert missing in reason_text(verdict.reasons[0], verdict)
    assert all(metric.verdict is Outcome.INCONCLUSIVE for metric in verdict.metrics)


def test_one_campaign_shows_a_change_without_bounds() -> None:
    metric = compare(STORED[2:3], campaign(0.1), GATE).metrics[0]
    assert metric.change == pytest.approx(math.expm1(0.1), abs=0.005)
    assert (metric.ci_low, metric.ci_high, metric.mde) == (-math.inf, math.inf, math.inf)


@pytest.mark.parametrize("where", ["baseline", "candidate"])
def test_a_run_without_exchanges_is_too_few_samples(where: str) -> None:
    holed = campaign_of([scaled_run(0.0), run_of([])])
    baseline, candidate = STORED, campaign(0.0)
    if where == "baseline":
        baseline = [*STORED, holed]
    else:
        candidate = holed
    verdict = compare(baseline, candidate, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert {fact.code for fact in verdict.reasons} == {Reason.TOO_FEW_SAMPLES}


def test_campaigns_without_runs_are_too_few_samples() -> None:
    for baseline, candidate in (
        (STORED, campaign_of([])),
        ([*STORED, campaign_of([])], campaign(0.0)),
    ):
        verdict = compare(baseline, candidate, GATE)
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert "has no runs" in reason_text(
            verdict.reasons[0], verdict
        ) or "have no runs" in reason_text(verdict.reasons[0], verdict)


def test_overlapping_requests_are_not_judged() -> None:
    mixed = {"overlapped": 100, "recorded": 1000}
    candidate = campaign_of([scaled_run(0.3, mixed)] * 3)
    verdict = compare(STORED, candidate, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].code is Reason.OVERLAPPING_REQUESTS
    assert all(metric.verdict is Outcome.INCONCLUSIVE for metric in verdict.metrics)


def test_equal_campaigns_are_known_no_better_than_their_buckets() -> None:
    equal = [campaign_of([scaled_run(0.0)] * 3)] * 5
    metric = compare(equal, equal[0], GATE).metrics[0]
    assert metric.verdict is Outcome.PASS
    half = student.ppf(0.975, 4) * math.sqrt(BUCKET_VARIANCE * 1.2)
    assert metric.ci_high == pytest.approx(math.expm1(half))


def test_paule_mandel_of_equal_variances_is_the_sample_variance() -> None:
    means = np.array([0.0, 0.1, 0.3, -0.2, 0.05])
    mu, se, tau2 = paule_mandel(means, np.full(5, 0.01))
    assert mu == pytest.approx(means.mean())
    assert tau2 == pytest.approx(means.var(ddof=1) - 0.01)
    assert se**2 == pytest.approx(means.var(ddof=1) / 5)


def test_paule_mandel_solves_its_equation_for_unequal_variances() -> None:
    means, variances = np.array([0.0, 0.5, 0.1, -0.4]), np.array([0.01, 0.02, 0.04, 0.005])
    mu, _, tau2 = paule_mandel(means, variances)
    assert tau2 > 0
    assert (((means - mu) ** 2) / (variances + tau2)).sum() == pytest.approx(3)


def test_paule_mandel_has_no_negative_variance() -> None:
    assert paule_mandel(np.array([0.0, 0.001]), np.array([1.0, 1.0]))[2] == 0.0


@pytest.mark.parametrize("tau", [0.0, 0.01, 0.03])
def test_error_rates_over_many_histories(tau: float) -> None:
    rng = np.random.default_rng(17)
    jobs, campaigns, runs = 1000, 5, 4
    d0, d1 = math.log(1.03), math.log(1.08)
    failed = passed = 0
    for _ in range(jobs):
        day = rng.normal(0, tau, campaigns + 1)
        y = day[:, np.newaxis] + rng.normal(0, 0.02, (campaigns + 1, runs))
        at_d0 = prediction_of(list(y[:-1]), y[-1] + d0)
        failed += at_d0.difference - at_d0.limit(1 - 0.01) > d0
        at_d1 = prediction_of(list(y[:-1]), y[-1] + d1)
        passed += at_d1.difference + at_d1.limit(1 - 0.05) < d1
    assert failed / jobs <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / jobs)
    assert passed / jobs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / jobs)


def test_drift_needs_campaigns_and_pairs() -> None:
    assert drift(STORED[:1], pairs_with([0.0]), GATE) is None
    assert drift(STORED, [], GATE) is None
    aside = [replace(pair, excluded=Note(NoteCode.STEAL)) for pair in pairs_with([0.0])]
    assert drift(STORED, aside, GATE) is None


def test_drift_of_a_baseline_arm_that_is_where_it_was() -> None:
    text = drift_text(drift(STORED, pairs_with([0.0, 0.5]), GATE))
    assert text == "today's baseline arm lies within what 6 stored campaigns predict"


def test_drift_of_a_baseline_arm_that_moved_names_the_metrics() -> None:
    slow_days = [campaign(-0.3 + x) for x in (-0.004, 0.0, 0.003, 0.001)]
    text = drift_text(drift(slow_days, pairs_with([0.0] * 3), GATE))
    assert "lies outside what 4 stored campaigns predict" in text
    assert "response_p50 +3" in text
    assert "response_p99 +3" in text


def test_drift_without_enough_exchanges_says_so() -> None:
    pairs = pairs_with([0.0])
    pairs = [replace(pair, baseline=run_of([])) for pair in pairs]
    assert "cannot be compared with" in drift_text(drift(STORED, pairs, GATE))
    few = [replace(pair, baseline=run_of(np.full(1000, 400_000))) for pair in pairs]
    assert "too little was measured to compare response_p99" in drift_text(drift(STORED, few, GATE))


def test_cpu_time_that_a_side_lacks_is_not_measured() -> None:
    blind = campaign_of([replace(run, cpu_ns=0) for run in campaign(0.0).runs])
    verdict = compare(STORED, blind, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [fact.code for fact in verdict.reasons] == [Reason.NOT_MEASURED]
    assert "CPU time was not measured" in reason_text(verdict.reasons[0], verdict)
    pairs = [replace(p, baseline=blind.runs[0]) for p in pairs_with([0.0])]
    text = drift_text(drift(STORED, pairs, GATE))
    assert "too little was measured to compare cpu_per_request" in text


def test_a_waived_metric_is_compared_above_its_ceiling() -> None:
    expires = datetime.date(2030, 1, 1)
    waivers = [
        Waiver(
            metric=metric.name,
            ceiling=1.0,
            expires=expires,
            link="https://example.org/7",
            baseline="1f2e3d4c5b6a",
        )
        for metric in GATE.metrics
    ]
    slower = campaign(0.55)
    assert compare(STORED, slower, GATE).outcome is Outcome.REGRESSION
    verdict = compare(STORED, slower, GATE, waivers=waivers)
    assert verdict.outcome is Outcome.PASS
    assert {metric.tolerance for metric in verdict.metrics} == {1.0}
    assert all(metric.waived is not None for metric in verdict.metrics)
