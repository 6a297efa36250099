"""The correction held against a truth that only a simulation has: the same queue without stalls."""

from __future__ import annotations

import numpy as np
import pytest

from socklat_gate.measured.records import SUMS
from socklat_gate.measured.run import WEIGHT_UNIT
from socklat_gate.stalls.correction import StallCorrection, correct_stalls
from socklat_gate.stalls.timeline import Timeline
from socklat_gate.stalls.weights import LEAST_SHARE, correlated_with_requests, exchange_weights
from tests.unit.stalls.simulated import MS, exchanges, fifo, stalls_at, steal

STAGES = ("response", "service", "recv_wait", "app", "respond")
END_NS = 20_000 * MS
QUANTILES = (0.5, 0.9, 0.99)


class Study:
    """Two arms behind one CPU; ``slower`` multiplies the candidate's work."""

    def __init__(self, share: float, mean_ns: float, slower: float = 1.0, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        n = 40_000
        self.arrival_ns = np.sort(rng.integers(0, END_NS, n))
        self.arm = rng.integers(0, 2, n)
        tail = np.where(rng.random(n) < 0.02, 4.0, 1.0)
        work = 150e3 * rng.lognormal(0, 0.2, n) * tail * np.where(self.arm == 1, slower, 1.0)
        self.begins, self.ends = steal(rng, share, mean_ns, END_NS)
        work_ns = work.astype(np.int64)
        self.raw_ns = fifo(self.arrival_ns, work_ns, self.begins, self.ends)
        self.true_ns = fifo(self.arrival_ns, work_ns, self.begins[:0], self.ends[:0])

    def correct_stalls(self, cause: str = "steal") -> StallCorrection:
        arms = [
            exchanges(self.arrival_ns[self.arm == arm], self.raw_ns[self.arm == arm], arm)
            for arm in (0, 1)
        ]
        return correct_stalls(arms, stalls_at(self.begins, self.ends, cause), 0, END_NS, STAGES)

    def truth(self, arm: int) -> np.ndarray:
        return np.quantile(self.true_ns[self.arm == arm], QUANTILES)

    def raw(self, arm: int) -> np.ndarray:
        return np.quantile(self.raw_ns[self.arm == arm], QUANTILES)


@pytest.mark.parametrize(
    ("cause", "share", "mean_ms"),
    [("steal", 0.05, 3), ("steal", 0.2, 3), ("steal", 0.4, 5), ("interference", 0.2, 50)],
)
def test_the_quantiles_are_those_without_stalls(cause: str, share: float, mean_ms: int) -> None:
    study = Study(share, mean_ms * MS)
    cleaned = study.correct_stalls(cause)
    for arm in (0, 1):
        found = cleaned.corrected[arm].histograms["service"].quantiles_ns(QUANTILES)
        assert np.allclose(found / study.truth(arm), 1.0, atol=0.10)
        assert study.raw(arm)[2] > 3 * study.truth(arm)[2]  # there was something to correct
    taken = {"steal": cleaned.stalled, "interference": cleaned.interference}[cause]
    assert taken == pytest.approx(share, rel=0.2)


def test_a_regression_is_as_large_as_without_stalls() -> None:
    study = Study(0.3, 4 * MS, slower=1.2)
    found = [
        corrected.histograms["service"].quantiles_ns(QUANTILES)
        for corrected in study.correct_stalls().corrected
    ]
    shown, true = np.log(found[1] / found[0]), np.log(study.truth(1) / study.truth(0))
    assert shown == pytest.approx(true, abs=0.06)
    raw = np.log(study.raw(1) / study.raw(0))
    assert raw[2] < true[2] / 2  # which the raw numbers hide


def test_without_stalls_nothing_changes() -> None:
    study = Study(0.0, MS)
    corrected = study.correct_stalls().corrected[0]
    assert corrected.used["service"].total == corrected.logged
    weighted = corrected.histograms["service"].counts
    assert np.array_equal(weighted, WEIGHT_UNIT * corrected.used["service"].counts)
    total_ns = corrected.bands.sums_ns[:, 0].sum() / WEIGHT_UNIT
    assert total_ns == pytest.approx(study.raw_ns[study.arm == 0].sum(), rel=1e-6)
    assert int(corrected.bands.count.sum()) == WEIGHT_UNIT * corrected.logged


def test_stage_sums_add_up_in_every_band() -> None:
    corrected = Study(0.3, 4 * MS).correct_stalls().corrected[0]
    sums = dict(zip(corrected.bands.stages, corrected.bands.sums_ns.T.astype(float), strict=True))
    for whole, parts in SUMS.items():
        added = sum(sums[part] for part in parts)
        assert np.allclose(sums[whole], added, rtol=1e-6, atol=2e3 * WEIGHT_UNIT)


def test_a_spike_longer_than_any_calm_is_kept_without_the_stolen_time() -> None:
    begins = np.arange(10, 10_000, 10) * MS
    stalls = Timeline.of(begins, begins + 200_000)
    arrival_ns = np.arange(0, 10_000, 3) * MS
    latency_ns = np.full(arrival_ns.size, 100_000)
    spike = int(np.flatnonzero(arrival_ns == 4503 * MS)[0])
    latency_ns[spike] = 800 * MS
    weighted = exchange_weights(arrival_ns, latency_ns, stalls)
    assert weighted.horizon_ns < 10 * MS
    assert weighted.weight[spike] == 1.0
    assert weighted.stolen_ns[spike] == 80 * 200_000


def test_weights_stand_for_what_was_left_out() -> None:
    study = Study(0.3, 4 * MS)
    stalls = Timeline.of(study.begins, study.ends)
    weighted = exchange_weights(study.arrival_ns, study.raw_ns, stalls)
    assert weighted.weight.max() <= 1 / LEAST_SHARE
    calm = np.count_nonzero(weighted.weight > 0)
    assert weighted.weight.sum() > 1.02 * calm


def test_others_that_respond_to_requests_are_no_disturbance() -> None:
    study = Study(0.0, MS)
    # A helper that nobody watches works 3 ms for every fiftieth request.
    helped = study.arrival_ns[::50]
    study.begins, study.ends = helped + 20_000, helped + 3 * MS
    cleaned = study.correct_stalls("interference")
    assert cleaned.ignored
    assert cleaned.corrected[0].used["service"].total == cleaned.corrected[0].logged
    random = Study(0.1, 3 * MS).correct_stalls("interference")
    assert not random.ignored


def test_bursts_that_follow_an_arm_are_found_however_many_containers_share_its_load() -> None:
    """In each of 8 containers alone they would be too few to tell."""
    study = Study(0.0, MS)
    helped = study.arrival_ns[::50]
    study.begins, study.ends = helped + 20_000, helped + 3 * MS
    records = exchanges(study.arrival_ns, study.raw_ns)
    stalls = stalls_at(study.begins, study.ends, "interference")
    parts = [records[at::64] for at in range(64)]
    until_ns = int(study.arrival_ns.max()) + 1
    args = stalls, 0, until_ns, ("response", "service", "recv_wait", "app")
    assert correct_stalls(parts, *args, owners=["candidate"] * 64).ignored
    assert correct_stalls([records], *args).ignored
    assert not correct_stalls(parts, *args).ignored


@pytest.mark.parametrize("seeds", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_arrivals_see_independent_stalls_as_a_clock_does(seeds: int) -> None:
    alarms = 0
    for seed in range(seeds):
        study = Study(0.2, 3 * MS, seed=seed)
        stalls = Timeline.of(study.begins, study.ends)
        alarms += correlated_with_requests(
            study.arrival_ns[:8000], stalls, 0, study.arrival_ns[8000]
        )
    assert alarms <= 1


@pytest.mark.parametrize("seeds", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_a_driver_that_sends_in_clumps_after_stalls_is_no_dependence(seeds: int) -> None:
    alarms = 0
    for seed in range(seeds):
        study = Study(0.2, 5 * MS, seed=seed)
        stalls = Timeline.of(study.begins, study.ends)
        # What is due within twice a stall's length after it comes at once, when that is over.
        until_ns = stalls.to_ns + 2 * (stalls.to_ns - stalls.from_ns)
        last = np.searchsorted(stalls.to_ns, study.arrival_ns, side="right") - 1
        held = (last >= 0) & (study.arrival_ns < until_ns[last])
        sent_ns = np.sort(np.where(held, until_ns[last], study.arrival_ns))
        alarms += correlated_with_requests(sent_ns, stalls, 0, END_NS)
    assert alarms <= 1


@pytest.mark.parametrize("seeds", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_bursts_after_few_requests_are_still_found(seeds: int) -> None:
    found = 0
    for seed in range(seeds):
        study = Study(0.0, MS, seed=seed)
        helped_ns = study.arrival_ns[np.random.default_rng(seed).random(40_000) < 0.02]
        bursts = Timeline.of(helped_ns + 20_000, helped_ns + 3 * MS)
        found += correlated_with_requests(study.arrival_ns, bursts, 0, END_NS)
    assert found == seeds


def test_nothing_logged_gives_empty_distributions() -> None:
    none = exchanges(np.zeros(0, np.int64), np.zeros(0, np.int64))
    cleaned = correct_stalls([none, none], stalls_at(np.array([5]), np.array([9])), 0, 100, STAGES)
    assert [c.histograms["service"].total for c in cleaned.corrected] == [0, 0]
    assert cleaned.stalled == 0.0
