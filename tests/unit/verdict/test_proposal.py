"""Another setting of the gate: what it is expected to take, held against simulated jobs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.measured.calibration import Proposal, Setting
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict.evidence import running_fail_evidence, running_pass_evidence
from socklat_gate.verdict.proposal import Timing, clusters_needed, noise_of, propose
from socklat_gate.verdict.resampling import MetricTest
from socklat_gate.verdict.sample import Sample, sample_of_units, stacked
from socklat_gate.verdict.zone import zone_of

P50 = Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)
P99 = Metric(quantile=0.99, tolerance=0.05, regression_threshold=0.15)
GATE = Gate(metrics=[P50])
TIMING = Timing(
    rate=1000.0,
    duration_s=5.0,
    warmup_s=1.0,
    start_s=1.5,
    busy=0.15,
    exchanges={"response_p50": 5000.0, "response_p99": 5000.0},
)
JOBS = 300


def study_of(sd: float, sampling: float = 0.9, metric: Metric = P50, pairs: int = 40) -> MetricTest:
    """A study of normal noise, of which sampling makes this part of the variance."""
    d = np.random.default_rng(1).normal(size=pairs)
    d = (d - d.mean()) / d.std(ddof=1) * sd
    sample = Sample(d, np.full(pairs, sd * math.sqrt(sampling)) if sampling else None)
    zone = zone_of(metric, GATE)
    return MetricTest(
        metric.name,
        sample,
        sample,
        zone.d0,
        zone.d1,
        zone.scale,
        zone.threshold_fail,
        zone.threshold_pass,
    )


def simulated(test: MetricTest, sd: float, error: float, k: int) -> tuple[float, float]:
    """Median clusters until jobs of normal noise let pass, and fail a change of d1."""
    rng = np.random.default_rng(2)
    jobs = stacked(
        [
            sample_of_units(rng.normal(0, sd * math.sqrt(k / 2), (60, 2, k)), np.full(60, error))
            for _ in range(JOBS)
        ]
    )
    passing = running_pass_evidence(jobs, test.d1, np.full((JOBS, 1), test.scale))
    changed = replace(jobs, d=jobs.d + test.d1)
    if jobs.contrasts is not None and jobs.overlaps is not None:
        changed = replace(changed, contrasts=jobs.contrasts + test.d1 * jobs.overlaps)
    failing = running_fail_evidence(changed, test.d0, np.full((JOBS, 1), test.scale))
    return tuple(
        float(np.median(np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 99)))
        for reached in (
            passing >= math.log(test.threshold_pass),
            failing >= math.log(test.threshold_fail),
        )
    )


@pytest.mark.parametrize("sd", [0.005, 0.015, 0.03])
@pytest.mark.parametrize("k", [1, 2])
def test_the_clusters_that_a_job_needs_are_those_of_simulated_jobs(sd, k):
    test = study_of(sd)
    found = clusters_needed(test, noise_of(test).sample(1.0, k))
    wanted = simulated(test, sd, sd * math.sqrt(0.9), k)
    # A pass by blocks rests on 16 starts besides.
    wanted = max(wanted[0], 8 if k == 2 else 1), wanted[1]
    assert found == pytest.approx(wanted, rel=0.25, abs=1.0)


def test_more_exchanges_lower_what_sampling_adds_and_nothing_else():
    all_sampling, none = study_of(0.03, 1.0), study_of(0.03, 0.0)
    (_, few), (_, many) = (
        clusters_needed(all_sampling, noise_of(all_sampling).sample(more, 1)) for more in (1.0, 4.0)
    )
    assert many <= few / 2
    assert clusters_needed(none, noise_of(none).sample(1.0, 1)) == clusters_needed(
        none, noise_of(none).sample(4.0, 1)
    )


def proposed(test: MetricTest, timing: Timing = TIMING, gate: Gate = GATE) -> Proposal:
    found = propose([test], gate, timing)
    assert found is not None
    return found


def minutes(setting: Setting) -> float:
    assert setting.minutes_to_pass is not None
    assert setting.minutes_to_fail is not None
    return setting.minutes_to_pass + setting.minutes_to_fail


def test_a_quiet_service_is_told_to_measure_shorter():
    found = proposed(study_of(0.002))
    assert (found.present.duration_s, found.present.containers) == (5.0, 1)
    assert found.best.duration_s == 2.5
    assert minutes(found.best) < 0.9 * minutes(found.present)
    assert proposed(study_of(0.002), gate=Gate(metrics=[P50], interleave="slice")).best.containers


def test_a_slow_start_is_shared_by_several_pairs_or_longer_runs():
    found = proposed(study_of(0.04, 1.0), replace(TIMING, start_s=40.0))
    assert found.best.pairs_per_start * found.best.duration_s > 10.0
    assert minutes(found.best) < 0.7 * minutes(found.present)


def test_the_rate_goes_no_higher_than_the_machine_or_the_scenario_allows():
    noisy = study_of(0.04, 1.0)
    assert proposed(noisy).best.rate == 2000.0
    assert proposed(noisy, replace(TIMING, busy=0.3)).best.rate in {500.0, 1000.0}
    assert proposed(noisy, replace(TIMING, rate=None)).best.rate is None
    assert proposed(noisy, replace(TIMING, sizes=(1,))).best.containers == 1


def test_every_quantile_keeps_the_exchanges_that_it_needs():
    few = replace(TIMING, exchanges={"response_p99": 8000.0})  # as many as it takes
    found = proposed(study_of(0.002, metric=P99), few, Gate(metrics=[P99]))
    assert found.best.rate is not None
    assert found.best.rate * found.best.duration_s >= 5000.0


def test_what_is_as_good_as_it_gets_stays():
    timing = replace(TIMING, rate=None, duration_s=2.0, start_s=0.5, warmup_s=0.5, sizes=(1,))
    found = proposed(study_of(0.002), timing)
    assert found.best == found.present
    assert found.present.duration_s == 2.0


def test_noise_that_no_setting_lowers_has_no_end():
    found = proposed(study_of(2.0, 0.0))
    assert found.present.minutes_to_fail is None
    assert found.best == found.present


def test_time_for_spikes_holds_a_pass_up():
    waits = Gate(metrics=[P50], spikes={"watch_s": 120.0})
    found = proposed(study_of(0.002), gate=waits)
    assert found.best.minutes_to_pass is not None
    assert found.best.minutes_to_pass > 2.0


def test_no_setting_passes_before_the_watch_and_none_is_worth_it_for_that():
    quiet, long_pass = study_of(0.002), replace(TIMING, watch_minutes=30.0)
    found = proposed(quiet, long_pass)
    assert found.present.minutes_to_pass == found.best.minutes_to_pass == 30.0
    assert found.present.minutes_to_fail == proposed(quiet).present.minutes_to_fail
    # What is saved of a failure is less than a tenth of both.
    assert found.best == found.present != proposed(quiet).best


def test_nothing_is_proposed_without_metrics_or_for_arms_in_turns():
    assert propose([], GATE, TIMING) is None
    assert propose([study_of(0.01)], Gate(metrics=[P50], interleave="block"), TIMING) is None
