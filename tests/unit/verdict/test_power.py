from __future__ import annotations

import math

import numpy as np
import pytest

from socklat_gate.scenario import Gate
from socklat_gate.scenario.gating import Metric
from socklat_gate.verdict.evidence import running_fail_evidence, running_pass_evidence
from socklat_gate.verdict.power import mde
from socklat_gate.verdict.zone import zone_of

GATE = Gate()
METRIC = Metric(quantile=0.99, tolerance=0.05, regression_threshold=0.15)
ZONE = zone_of(METRIC, GATE)
NOISE = np.random.default_rng(5).normal(0, 0.1, 20)


def test_half_of_the_jobs_find_the_smallest_change() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.1, (1500, 40))
    predicted = float(np.median([mde(row[:20], ZONE, 40) for row in noise[:60]]))

    def found(change: float) -> float:
        fail = running_fail_evidence(noise + change, ZONE.d0, ZONE.scale)
        passed = running_pass_evidence(noise + change, ZONE.d1, ZONE.scale)
        first_fail = np.where((reach := fail >= math.log(800)).any(1), reach.argmax(1), 99)
        reached = np.logical_or.accumulate(passed >= math.log(20), axis=1) & (fail <= 0)
        first_pass = np.where(reached.any(1), reached.argmax(1), 98)
        return float((first_fail <= first_pass).mean())

    assert found(0.8 * predicted) < 0.5 < found(1.2 * predicted)


def test_without_noise_a_pass_waits_for_any_change_beyond_the_tolerance() -> None:
    # What decides is the budget: evidence to fail that grows at all keeps the pass away.
    quiet = mde(0.001 * NOISE, ZONE, 1000)
    assert ZONE.d0 < quiet < ZONE.d0 + 0.01 * (ZONE.d1 - ZONE.d0)
    assert quiet < mde(0.001 * NOISE, ZONE, 20) < ZONE.d1


def test_more_noise_and_fewer_pairs_find_only_larger_changes() -> None:
    assert mde(NOISE, ZONE, 40) < mde(2 * NOISE, ZONE, 40)
    assert mde(NOISE, ZONE, 40) < mde(NOISE, ZONE, 12) < math.inf


def test_the_change_itself_does_not_matter() -> None:
    assert mde(NOISE + 0.7, ZONE, 40) == pytest.approx(mde(NOISE, ZONE, 40))
    assert mde(-NOISE, ZONE, 40) == pytest.approx(mde(NOISE, ZONE, 40))


def test_what_no_change_could_fail_has_no_smallest_one() -> None:
    assert mde(NOISE, ZONE, 9) == math.inf
    assert mde(NOISE[:1], ZONE, 40) == math.inf
    assert mde([], ZONE, 40) == math.inf
