from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.calibration import Findings
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict import aa_findings as calibration
from socklat_gate.verdict.aa_findings import study
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.resampling import (
    MIN_PAIRS,
    MetricTest,
    Resampled,
    first_pass,
    metric_tests,
    resample,
)
from socklat_gate.verdict.sample import sample_of_units
from socklat_gate.verdict.zone import zone_of
from socklat_gate.wording.notes import note_text
from tests.unit.verdict.builders import pair_of, pairs_with, scaled_run

P50 = Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)
P90 = Metric(quantile=0.9, tolerance=0.03, regression_threshold=0.08)


def gate(*metrics: Metric, **limits: Any) -> Gate:
    return Gate.model_validate({"metrics": list(metrics or (P50,)), **limits})


def noise(sd: float, pairs: int = 20) -> list[float]:
    """Log ratios of this SD, half of them above 0."""
    return [float(x) for x in sd * np.random.default_rng(3).standard_normal(pairs)]


@pytest.fixture(
    autouse=True,
    scope="module",
    params=["few", pytest.param("all", marks=pytest.mark.slow)],
)
def resampled(request: pytest.FixtureRequest) -> Iterator[None]:
    """A tenth of the jobs that a study resamples; slow tests take all."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "few":
            patch.setattr(calibration, "JOBS", 1000)
            patch.setattr(calibration, "POWER_CELLS", 10_000)
        yield


def of(d: list[float], *, pair_s: float = 10.0, seed: int = 1, **limits: Any) -> Findings:
    return study(pairs_with(d), gate(**limits), pair_s, seed)


def mde(found: Findings, minutes: str) -> float:
    value = found.metrics[0].mde[minutes]
    assert value is not None
    return value


def test_equal_arms_never_raise_a_false_alarm_and_are_decided_soon() -> None:
    found = of([0.0] * 20)
    assert (found.pairs, found.false_alarms) == (20, 0)
    assert found.decided == found.jobs
    assert found.pairs_to_verdict is not None
    assert 4 < found.pairs_to_verdict < 12
    assert found.minutes_to_verdict == pytest.approx(found.pairs_to_verdict * 10.0 / 60)
    assert found.problems == ()


def test_the_bound_on_the_rate_is_clopper_and_pearson_s() -> None:
    found = of([0.0] * 20)
    assert (1 - found.false_alarm_limit) ** found.jobs == pytest.approx(0.05)


def test_the_same_pairs_and_seed_give_the_same_findings() -> None:
    assert of(noise(0.03)) == of(noise(0.03))
    assert of(noise(0.03)) != of(noise(0.03), seed=2)


def test_the_spread_of_a_pair_is_the_one_put_in() -> None:
    d = noise(0.03)
    (metric,) = of(d).metrics
    assert metric.pair_sd == pytest.approx(np.std(d, ddof=1), rel=0.05)
    assert np.log(metric.ratios) == pytest.approx(d, abs=0.005)


def test_resampled_jobs_end_as_the_gate_would_end_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job again, pair by pair, by the gate itself; a loose gate, so that some are wrong."""
    drawn: list[Resampled] = []

    def spy(*arguments: Any) -> Any:
        drawn.append(original(*arguments))
        return drawn[-1]

    original = calibration.resample
    monkeypatch.setattr(calibration, "resample", spy)
    monkeypatch.setattr(calibration, "JOBS", 12)
    monkeypatch.setattr(calibration, "MINUTES", ())
    loose = gate(alpha=0.45, alpha_pass=0.1, max_pairs=7, spikes={"enabled": False})
    pairs = pairs_with(noise(0.12, 8))
    found = study(pairs, loose, 1.0, 5)

    false_alarms = decided = 0
    for chosen, swapped in zip(drawn[0].chosen, drawn[0].swapped, strict=True):
        measured = [as_drawn(pairs[at], back) for at, back in zip(chosen, swapped, strict=True)]
        looks = [decide(measured[:n], loose).outcome for n in range(1, len(measured) + 1)]
        ends = [outcome for outcome in looks if outcome is not Outcome.INCONCLUSIVE]
        decided += bool(ends)
        false_alarms += bool(ends) and ends[0] is Outcome.REGRESSION
    assert (found.jobs, found.decided, found.false_alarms) == (12, decided, false_alarms)
    assert 0 < false_alarms < decided


def as_drawn(pair: Pair, swapped: bool) -> Pair:
    """The pair, its arms swapped when that is how it was drawn."""
    if not swapped:
        return pair
    return replace(pair, baseline=pair.candidate, candidate=pair.baseline)


def test_a_noisier_runner_finds_less_and_more_time_finds_more() -> None:
    quiet, noisy = of(noise(0.01)), of(noise(0.1))
    assert mde(quiet, "5") < mde(noisy, "15") < mde(noisy, "5")
    assert mde(quiet, "5") > P50.tolerance


def test_what_takes_more_pairs_than_there_is_time_for_is_not_found() -> None:
    found = of(noise(0.01), pair_s=100.0)
    assert found.metrics[0].mde["5"] is None
    assert found.metrics[0].mde["15"] is not None
    assert of(noise(0.01), pair_s=1000.0).metrics[0].mde["15"] is None


def test_the_mde_is_failed_by_four_jobs_in_five() -> None:
    d = np.array(noise(0.08))
    effect = math.log1p(mde(of(list(d)), "5"))
    rng = np.random.default_rng(8)
    jobs = resample(d.size, rng, 2000, 30)
    (rule,) = metric_tests(pairs_with(list(d)), gate(), decide(pairs_with(list(d)), gate()))
    fail, passed = rule.first_fail(jobs, effect), first_pass([rule.lets_pass(jobs, effect)])
    assert np.mean(np.isfinite(fail) & (fail <= passed)) == pytest.approx(0.8, abs=0.06)


def test_jobs_beyond_the_budget_of_minutes_are_not_decided() -> None:
    found = of([0.0] * 20, pair_s=60.0, max_minutes=2.0)
    assert found.decided == 0
    assert found.pairs_to_verdict is not None


def test_a_runner_too_noisy_for_its_budget_has_no_time_to_a_verdict() -> None:
    found = of(noise(0.5), max_pairs=8)
    assert found.pairs_to_verdict is None
    assert found.minutes_to_verdict is None
    assert found.decided < found.jobs / 2


def test_an_arm_that_is_favoured_is_a_problem() -> None:
    found = of([0.01 + x for x in noise(0.003)])
    assert found.metrics[0].change == pytest.approx(0.01, abs=0.003)
    assert 0 < found.metrics[0].change_p < 0.001
    (problem,) = found.problems
    assert "of the second arm differs by" in note_text(problem)
    assert found.false_alarms == 0  # swapping the arms hides it, so it has to be said


def test_a_false_alarm_of_the_pairs_as_measured_is_a_problem() -> None:
    found = of([0.1] * 20)
    assert any("raise a false alarm" in note_text(problem) for problem in found.problems)


def test_a_metric_that_was_not_measured_is_left_out_and_named() -> None:
    deliver = Metric(stage="deliver", quantile=0.5, tolerance=0.01, regression_threshold=0.03)
    found = study(pairs_with([0.0] * 8), gate(P50, deliver), 1.0, 1)
    assert [metric.name for metric in found.metrics] == ["response_p50"]
    assert "deliver_p50 cannot be judged" in note_text(found.problems[0])


def test_the_metrics_of_a_pair_stay_together() -> None:
    found = study(pairs_with(noise(0.02)), gate(P50, P90), 1.0, 1)
    assert [metric.name for metric in found.metrics] == ["response_p50", "response_p90"]
    first, second = (np.log(metric.ratios) for metric in found.metrics)
    assert first == pytest.approx(second, abs=0.005)


def test_pairs_of_one_start_are_one_unit() -> None:
    d = [0.04, 0.02, -0.01, -0.03, 0.01, 0.01, 0.02, 0.0, -0.02, 0.0, 0.01, -0.01]
    pairs = [replace(pair, start=at // 2) for at, pair in enumerate(pairs_with(d))]
    found = study(pairs, gate(pairs_per_start=2), 5.0, 1)
    assert found.pairs == 12
    assert np.log(found.metrics[0].ratios) == pytest.approx(
        [0.03, -0.02, 0.01, 0.01, -0.01, 0.0], abs=0.005
    )
    assert found.pairs_to_verdict is None or found.pairs_to_verdict % 2 == 0


def test_pairs_set_aside_do_not_count() -> None:
    run = scaled_run(0.0)
    pairs = [*pairs_with(noise(0.01)), pair_of(run, scaled_run(2.0), 20, "too noisy")]
    assert study(pairs, gate(), 10.0, 1) == of(noise(0.01))


@pytest.mark.parametrize("usable", [0, 1, MIN_PAIRS - 1])
def test_too_few_pairs_give_no_rate(usable: int) -> None:
    run = scaled_run(0.0)
    pairs = [*pairs_with([0.0] * usable), pair_of(run, run, 90, Note(NoteCode.STEAL))]
    with pytest.raises(InvalidMeasurement) as caught:
        study(pairs, gate(), 10.0, 1)
    assert caught.value.reason is Reason.TOO_FEW_SAMPLES
    assert f"of {usable + 1}" in caught.value.message
    assert caught.value.remedy


def test_enough_pairs_of_which_none_tells_anything_give_no_rate() -> None:
    deliver = Metric(stage="deliver", quantile=0.5, tolerance=0.01, regression_threshold=0.03)
    with pytest.raises(InvalidMeasurement, match="too few") as caught:
        study(pairs_with([0.0] * 8), gate(deliver), 10.0, 1)
    assert "deliver_p50" in str(caught.value.remedy)


def test_a_large_budget_is_resampled_by_fewer_jobs() -> None:
    found = of(noise(0.02), max_pairs=1000)
    assert found.jobs * found.max_pairs <= calibration.CELLS
    assert found.jobs >= 100


def test_operating_curves_rise_with_time_and_size_and_agree_with_the_mde() -> None:
    found = of(noise(0.03))
    (metric,) = found.metrics
    by_size: dict[float, list[float]] = {}
    for point in metric.curve:
        by_size.setdefault(round(point.change, 9), []).append(point.share)
    assert list(by_size) == pytest.approx([0.05, 0.075, 0.1, 0.2])
    for shares in by_size.values():
        assert shares == sorted(shares)
        assert all(0.0 <= share <= 1.0 for share in shares)
    last = [shares[-1] for shares in by_size.values()]
    assert last == sorted(last)
    assert last[-1] > 0.99
    at_five = [point for point in metric.curve if point.minutes == 5]
    reached = min(point.change for point in at_five if point.share >= 0.85)
    assert reached >= 0.8 * (metric.mde["5"] or 0.0)


def test_no_curve_without_time_for_a_pair() -> None:
    assert of(noise(0.03), pair_s=1000.0).metrics[0].curve == ()
    assert {point.minutes for point in of(noise(0.03), pair_s=100.0).metrics[0].curve} == {2, 5, 10}


@pytest.mark.parametrize(("k", "blocks"), [(1, 5), (2, 8), (4, 4)])
def test_equal_blocks_pass_from_the_starts_that_a_pass_needs_on(k: int, blocks: int) -> None:
    units = np.random.default_rng(3).normal(12.0, 0.002, (30, 2, k))
    sample = sample_of_units(units, np.full(30, 0.002))
    zone = zone_of(P50, gate())
    test = MetricTest("p50", sample, sample, zone.d0, zone.d1, zone.scale, 800.0, 20.0)
    let = test.lets_pass(resample(30, np.random.default_rng(4), 50, 12))
    assert np.all(let.argmax(axis=1) + 1 == blocks)
    assert let[:, -1].all()
