"""Verdicts by the load driver's clock: no wrong green where connections have several streams."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.scenario.default_gate import DefaultMetric
from socklat_gate.scenario.named_gate import default_gate_of
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.stored import compare
from tests.unit.streams import MS, WINDOW, S, make_calls, make_stream_pair, pair_of_calls
from tests.unit.verdict.builders import campaign_of

GATE = default_gate_of({}, "client")


def decided(pairs: list[Pair], gate: object = GATE) -> Verdict:
    return decide(pairs, gate, budget_spent=Reason.BUDGET_PAIRS)  # type: ignore[arg-type]


def test_the_default_judges_the_drivers_clock() -> None:
    assert [metric.name for metric in GATE.metrics] == [
        "client_p50",
        "client_p90",
        "client_p99",
        "cpu_per_request",
    ]


def test_equal_arms_pass_and_a_slower_one_fails() -> None:
    assert decided([make_stream_pair(i) for i in range(20)]).outcome is Outcome.PASS
    verdict = decided([make_stream_pair(i, 1.3) for i in range(12)])
    assert verdict.outcome is Outcome.REGRESSION
    slower = {one.name for one in verdict.metrics if one.verdict is Outcome.REGRESSION}
    assert slower == {"client_p50", "client_p90", "client_p99"}
    # Nobody knows the parts of such a time.
    assert verdict.attribution == ()


def test_overlap_that_the_kernel_would_see_keeps_nothing_from_being_judged() -> None:
    pairs = [make_stream_pair(i) for i in range(3)]
    assert all(pair.candidate.counters["overlapped"] == 0 for pair in pairs)
    reasons = [fact.code for fact in decided(pairs).reasons]
    assert Reason.OVERLAPPING_REQUESTS not in reasons


@pytest.mark.parametrize("stage", ["response", "app", "service"])
def test_a_stage_of_the_kernels_exchanges_is_not_measured_and_passes_nothing(stage: str) -> None:
    metrics = tuple(replace(metric, stage=stage) for metric in GATE.metrics[:1])
    verdict = decided([make_stream_pair(i) for i in range(20)], replace(GATE, metrics=metrics))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert Reason.NOT_MEASURED in {fact.code for fact in verdict.reasons}


def blocked(calls: np.ndarray) -> np.ndarray:
    """Each 50th response holds up all that are due within the next 8 ms on its connection."""
    due, done = calls["due_ns"], calls["done_ns"].copy()
    for at in range(0, calls.size, 50):
        until = due[at] + 8 * MS
        behind = np.searchsorted(due, until)
        done[at:behind] = np.maximum(done[at:behind], until)
    calls["done_ns"] = done
    return calls


def test_head_of_line_blocking_is_a_regression_of_the_tail() -> None:
    pairs = [
        pair_of_calls(i, make_calls(2 * i), blocked(make_calls(2 * i + 1, arm=1)))
        for i in range(12)
    ]
    verdict = decided(pairs)
    assert verdict.outcome is Outcome.REGRESSION
    failed = {one.name for one in verdict.metrics if one.verdict is Outcome.REGRESSION}
    assert "client_p99" in failed


def test_requests_that_wait_for_a_stream_are_as_slow_as_they_waited() -> None:
    def queued(calls: np.ndarray) -> np.ndarray:
        """One at a time, 0.9 ms each, at 1000 a second: a queue."""
        free = 0
        for call in calls:
            free = max(free, int(call["due_ns"])) + 900_000
            call["sent_ns"], call["done_ns"] = free - 900_000, free
        return calls

    pairs = [
        pair_of_calls(i, make_calls(2 * i), queued(make_calls(2 * i + 1, arm=1))) for i in range(13)
    ]
    served = pairs[0].candidate.load.client.quantile_ns(0.5)
    assert served > 2 * MS  # though each took less than in the baseline once it was sent
    assert decided(pairs).outcome is Outcome.REGRESSION


def test_resets_of_slow_requests_make_no_arm_look_faster() -> None:
    def resetting(calls: np.ndarray) -> np.ndarray:
        took = calls["done_ns"] - calls["due_ns"]
        calls["done_ns"][took > np.quantile(took, 0.97)] = 0
        return calls

    pairs = [
        pair_of_calls(i, make_calls(2 * i), resetting(make_calls(2 * i + 1, arm=1)))
        for i in range(12)
    ]
    assert pairs[0].candidate.load.client.quantile_ns(0.99) < (
        pairs[0].baseline.load.client.quantile_ns(0.99)
    )
    verdict = decided(pairs)
    assert verdict.outcome is Outcome.REGRESSION
    (errors,) = (count for count in verdict.counts if count.name == "errors")
    assert errors.failed


def test_a_pause_is_a_spike_of_all_that_were_due_in_it() -> None:
    def pausing(calls: np.ndarray) -> np.ndarray:
        due = calls["due_ns"]
        for begin in (3 * S, 7 * S):
            inside = (due >= begin) & (due < begin + 600 * MS)
            calls["done_ns"][inside] = begin + 600 * MS
        return calls

    pairs = [
        pair_of_calls(i, make_calls(2 * i), pausing(make_calls(2 * i + 1, arm=1)), spike_ns=6 * MS)
        for i in range(8)
    ]
    verdict = decided(pairs)
    assert verdict.spikes is not None
    # The 10% that a pause makes slow are in the quantiles; each pause is one event of them.
    assert verdict.spikes.candidate_events == 2 * len(pairs)
    assert verdict.spikes.baseline_events == 0
    assert verdict.spikes.failed
    assert verdict.outcome is Outcome.REGRESSION


def test_a_name_that_got_slower_is_named() -> None:
    shares = {"cart": 0.8, "buy": 0.2}

    def mixed(seed: int, arm: int, scale: float) -> np.ndarray:
        calls = make_calls(seed, arm=arm)
        rng = np.random.default_rng(seed)
        calls["kind"] = rng.random(calls.size) < 0.2
        buying = calls["kind"] == 1
        took = calls["done_ns"] - calls["due_ns"]
        calls["done_ns"][buying] = (calls["due_ns"] + took * scale)[buying]
        return calls

    gate = default_gate_of({"cart": 8000.0, "buy": 2000.0}, "client")
    pairs = [
        pair_of_calls(i, mixed(2 * i, 0, 1.0), mixed(2 * i + 1, 1, 1.4), shares) for i in range(14)
    ]
    verdict = decided(pairs, gate)
    failed = {one.name for one in verdict.metrics if one.verdict is Outcome.REGRESSION}
    assert verdict.outcome is Outcome.REGRESSION
    assert {"client_p50[buy]", "client_p90[buy]"} <= failed
    assert not [name for name in failed if "[cart]" in name]


def stored(seeds: range, scale: float = 1.0) -> Campaign:
    return campaign_of([make_stream_pair(seed, scale).candidate for seed in seeds])


def test_stored_campaigns_are_compared_by_it() -> None:
    base = [stored(range(10 * at, 10 * at + 3)) for at in range(6)]
    assert compare(base, stored(range(90, 95)), GATE).outcome is Outcome.PASS
    assert compare(base, stored(range(90, 95), 2.5), GATE).outcome is Outcome.REGRESSION


def test_the_window_is_ten_seconds() -> None:
    assert WINDOW.to_ns - WINDOW.from_ns == 10 * S


@pytest.mark.parametrize(("limit_ms", "outcome"), [(3.0, Outcome.PASS), (1.8, Outcome.REGRESSION)])
def test_a_limit_is_held_against_the_drivers_clock(limit_ms: float, outcome: Outcome) -> None:
    limit = DefaultMetric("client", 0.99, 0.0, 0.0, limit_ms)
    gate = replace(GATE, metrics=(*GATE.metrics, limit))
    assert decided([make_stream_pair(i) for i in range(20)], gate).outcome is outcome
