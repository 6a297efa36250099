"""Stalls that follow one arm's requests are found by the coins, those of the machine are not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from socklat_gate.measured.records import CAUSES, Records
from socklat_gate.stalls.labels import RATES, WINDOWS_NS, coin_evidence, evidence_of_pair, weigh
from tests.unit.stalls.simulated import MS, Ints, exchanges, stalls_at, steal

LIMIT = 20
PAIR_S = 5


class Study:
    """A pair's Poisson arrivals with fair labels; what stalls the CPU is up to the test."""

    def __init__(self, seed: int, rate: float = 250.0) -> None:
        self.rng = np.random.default_rng([seed, round(rate)])
        self.end_ns = PAIR_S * 1000 * MS
        count = self.rng.poisson(2 * rate * PAIR_S)
        self.at_ns = np.sort(self.rng.integers(0, self.end_ns, count))
        self.label = self.rng.integers(0, 2, count)

    def arms(self) -> tuple[Records, Records]:
        baseline, candidate = (self.at_ns[self.label == arm] for arm in (0, 1))
        return (
            exchanges(baseline, np.zeros_like(baseline)),
            exchanges(candidate, np.zeros_like(candidate)),
        )

    def helper(self, share: float, *, of_both: bool = False) -> tuple[Ints, Ints]:
        """When a process works 10 ms for a share of the candidate's requests, one at a time."""
        woken = (self.rng.random(self.at_ns.size) < share) & ((self.label == 1) | of_both)
        begins, free = [], 0
        for at_ns in self.at_ns[woken].tolist():
            begins.append(max(free, at_ns + 50_000))
            free = begins[-1] + 10 * MS
        return np.array(begins), np.array(begins) + 10 * MS

    def evidence(self, begins: Ints, ends: Ints, cause: str = "interference") -> float:
        return mean_of(coin_evidence(*self.arms(), stalls_at(begins, ends, cause), [0]))


def mean_of(found: dict[str, tuple[float, ...]]) -> float:
    return float(np.mean(np.exp(np.array(list(found.values())))))


@pytest.mark.parametrize("rate", [250.0, 1000.0])
@pytest.mark.parametrize("cause", CAUSES)
def test_a_helper_of_one_arms_requests_is_found_in_nearly_every_pair(
    rate: float, cause: str
) -> None:
    studies = [Study(seed, rate) for seed in range(10)]
    found = [study.evidence(*study.helper(0.02), cause) for study in studies]
    assert sum(evidence >= LIMIT for evidence in found) >= (7 if rate < 500 else 10)


@pytest.mark.parametrize("seeds", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_what_follows_both_arms_or_neither_is_the_machines(seeds: int) -> None:
    alarms = 0
    for seed in range(seeds):
        both, neither = Study(seed, 1000.0), Study(seed)
        alarms += both.evidence(*both.helper(0.02, of_both=True)) >= LIMIT
        alarms += neither.evidence(*steal(neither.rng, 0.2, 3 * MS, neither.end_ns)) >= LIMIT
    assert alarms <= 0.05 * 2 * seeds


def test_an_e_value_has_mean_1_over_all_labels() -> None:
    # Three coins, one of which precedes two stalls: all 8 ways to label them are as likely.
    at_ns = np.array([10, 20, 30]) * MS
    begins = np.array([10.2, 20.2, 20.3, 30.2]) * MS
    stalls = stalls_at(begins.astype(np.int64), begins.astype(np.int64) + MS // 20)
    total = np.zeros(2 * len(RATES) * len(WINDOWS_NS))
    for labels in np.ndindex(2, 2, 2):
        arms = [at_ns[np.array(labels) == arm] for arm in (0, 1)]
        found = coin_evidence(*(exchanges(at, np.zeros_like(at)) for at in arms), stalls, [0])
        total += np.exp(np.array(found["steal"]))
        assert set(found["late_tick"]) == {0.0}
    assert total / 8 == pytest.approx(1.0, abs=2e-3)  # three digits are kept


def test_swapping_the_arms_changes_nothing() -> None:
    study = Study(3)
    stalls = stalls_at(*study.helper(0.02), "interference")
    arms = study.arms()
    one, other = (coin_evidence(*order, stalls, [0]) for order in (arms, arms[::-1]))
    assert mean_of(one) == pytest.approx(mean_of(other), rel=1e-9)
    assert one != other


def test_stalls_of_other_cpus_do_not_count() -> None:
    study = Study(1)
    stalls = stalls_at(*study.helper(0.05), "interference", cpu=3)
    assert mean_of(coin_evidence(*study.arms(), stalls, [0])) == 1.0


def test_the_coin_of_a_slice_is_one_coin() -> None:
    study = Study(5, 1000.0)
    slice_ns = 100 * MS
    of_slice = study.rng.integers(0, 2, study.end_ns // slice_ns + 1)
    study.label = of_slice[study.at_ns // slice_ns]
    begins, ends = steal(study.rng, 0.2, 3 * MS, study.end_ns)
    stalls = stalls_at(begins, ends)
    by_slice = coin_evidence(*study.arms(), stalls, [0], (0, slice_ns))
    assert mean_of(by_slice) < LIMIT
    # Taken for a coin each, requests of one slice look as if stalls followed the arm that had it.
    helped = stalls_at(*study.helper(0.05), "interference")
    assert mean_of(coin_evidence(*study.arms(), helped, [0], (0, slice_ns))) >= LIMIT


def test_a_request_that_comes_after_its_slice_is_left_out() -> None:
    late = exchanges(np.array([1, 101]) * MS, np.zeros(2, np.int64))
    own = exchanges(np.array([102, 103, 104]) * MS, np.zeros(3, np.int64))
    stalls = stalls_at(np.array([105 * MS]), np.array([109 * MS]))
    found = coin_evidence(late, own, stalls, [0], (0, 100 * MS))["steal"]
    widest = found[-2 * len(RATES) :]
    expected = [rate * 3 - math.log(math.cosh(rate * 3)) for rate in RATES]
    assert widest[: len(RATES)] == pytest.approx(expected, abs=1e-3)


def test_a_pair_that_has_one_coin_adds_less_than_a_factor_of_2() -> None:
    study = Study(2, 1000.0)
    stalls = stalls_at(*study.helper(0.05), "interference")
    weighed = [weigh(arm, stalls, [0]) for arm in study.arms()]
    assert weighed[1]["interference"][0] > 2 * weighed[0]["interference"][0]
    found = np.exp(np.array(evidence_of_pair(*weighed)["interference"]))
    assert 1.9 < found.max() < 2.001
    assert found.reshape(len(WINDOWS_NS), 2, -1).sum(axis=1) == pytest.approx(2.0, abs=0.01)


def test_nothing_logged_is_no_evidence() -> None:
    none = exchanges(np.zeros(0, np.int64), np.zeros(0, np.int64))
    stalls = stalls_at(np.array([5]), np.array([9]))
    assert mean_of(coin_evidence(none, none, stalls, [0])) == 1.0
    assert mean_of(coin_evidence(none, none, stalls, [0], (0, MS))) == 1.0
