"""Evidence in a series of links: its level over many looks, where a change begins, lanes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from socklat_gate.verdict.drift_evidence import (
    begin_of_change,
    first_changes,
    running_drift_evidence,
)
from socklat_gate.verdict.evidence import RATES
from tests.benchmarks import drift_series
from tests.benchmarks.drift_series import (
    LOOKS,
    NOISES,
    by_stored_values,
    false_alarms,
    first_alarm,
    gate_jobs,
    merges,
    normal,
)

LN2 = math.log(2.0)


def test_evidence_is_the_weighted_sum_of_products() -> None:
    """By hand, with one l that all of the mixture has."""
    e = [2.0, 0.5, 4.0]
    lanes = [[math.log(x)] * len(RATES) for x in e]
    expected = [
        2 / 2 + 1 / 2,
        (2 / 2) * 0.5 + 0.5 / 6 + 1 / 3,
        ((2 / 2) * 0.5 + 0.5 / 6) * 4 + 4 / 12 + 1 / 4,
    ]
    assert np.exp(running_drift_evidence(lanes)) == pytest.approx(expected)


def test_links_that_say_nothing_leave_the_evidence_at_one() -> None:
    assert running_drift_evidence([[0.0] * 10] * 50) == pytest.approx(np.zeros(50))
    assert running_drift_evidence([]).size == 0
    assert first_changes([], 0.01) == []


def test_a_change_is_found_where_it_begins_and_only_once() -> None:
    lanes = [[-0.1] * 6] * 20 + [[20.0] * 6] + [[-0.1] * 6] * 20
    (found,) = first_changes(lanes, 0.01)
    assert (found.begin, found.at) == (20, 20)
    slow = [[-0.1] * 6] * 10 + [[2.0] * 6] * 10
    first, *_ = first_changes(slow, 0.01)
    assert first.begin == 10
    assert first.at > 11
    assert begin_of_change(slow) == 10


def test_the_series_begins_anew_after_a_change() -> None:
    lanes = [[12.0] * 6, [0.0] * 6, [0.0] * 6, [12.0] * 6]
    assert [found.at for found in first_changes(lanes, 0.01)] == [0, 3]


def test_links_without_known_precision_use_the_lanes_that_all_have() -> None:
    mixed = [[1.0] * 6 + [9.0] * 4, [1.0] * 6]
    assert running_drift_evidence(mixed) == pytest.approx(running_drift_evidence([[1.0] * 6] * 2))


@pytest.mark.parametrize("noise", NOISES)
def test_a_hundred_looks_hardly_ever_show_a_change_that_is_not_there(noise: str) -> None:
    found = false_alarms(NOISES[noise], 60, seed=5)
    # At 1% more than 4 of 60 have a chance of 1 in 2000.
    assert max(found.merges, found.nights, found.at_tolerance) <= 4 / 60
    # Of means over all pairs the sum is biased; the estimate's SD here is that of 60 histories.
    assert abs(found.sum) < 0.06
    assert found.sum_of_all < found.sum


def test_stored_values_are_looked_at_after_every_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look that finds something makes a history false, whatever the others say."""
    looked: list[int] = []

    def found(values: np.ndarray) -> list[int]:
        looked.append(values.size)
        return [1] if values.size == 20 and len(looked) < 6 else []

    monkeypatch.setattr(drift_series, "change_points", found)
    assert by_stored_values(4, seed=1, size=35) == 2 / 4
    assert looked[:5] == [10, 20, 10, 20, 10]
    assert looked[-3:] == [10, 20, 30]


def test_nights_find_a_step_and_merges_a_steady_drift() -> None:
    rng = np.random.default_rng(3)
    nights = [first_alarm(gate_jobs(rng, normal, np.full(LOOKS, 0.02)), 0.01) for _ in range(10)]
    assert np.median(nights) < 15
    steady = [first_alarm(merges(rng, normal, np.full(LOOKS, 0.01)), 0.01) for _ in range(5)]
    assert max(steady) <= LOOKS
