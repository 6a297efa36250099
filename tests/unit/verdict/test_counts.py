from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers, LoadCounts
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import CountVerdict, Outcome
from socklat_gate.scenario.gating import Gate, Metric, Waiver
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.counts import judge_counts
from socklat_gate.verdict.decide import decide

from .builders import pair_of, scaled_run

GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
REFERENCE = scaled_run(0.0)
DUE = REFERENCE.load.planned


def loaded(run: Run = REFERENCE, **changes: object) -> Run:
    return replace(run, load=replace(run.load, **changes))


def pairs_of(ours: Sequence[int], theirs: Sequence[int], planned: int = DUE) -> list[Pair]:
    """Pairs in which so many requests of each arm failed."""
    return [
        pair_of(loaded(errors=b, planned=planned), loaded(errors=c, planned=planned), i)
        for i, (c, b) in enumerate(zip(ours, theirs, strict=True))
    ]


def judged(pairs: Sequence[Pair], gate: Gate = GATE, **waived: Waiver) -> dict[str, CountVerdict]:
    found = judge_counts(pairs, cluster_ids(pairs), gate, waived)
    return {one.verdict.name: one.verdict for one in found}


def waiver(metric: str, ceiling: float) -> Waiver:
    day = datetime.date(2999, 1, 1)
    return Waiver(
        metric=metric,
        ceiling=ceiling,
        expires=day,
        link="https://example.org/1",
        baseline="1f2e3d4c5b6a",
    )


def codes(pairs: Sequence[Pair], gate: Gate = GATE, spent: Reason | None = None) -> list[Reason]:
    return [fact.code for fact in decide(pairs, gate, budget_spent=spent).reasons]


def test_no_failed_requests_decide_nothing() -> None:
    found = judged(pairs_of([0] * 6, [0] * 6))
    assert list(found) == ["errors", "capacity"]
    for one in found.values():
        assert not one.failed
        assert not one.undecided
        assert one.evidence == pytest.approx(1.0)
        assert one.threshold == pytest.approx(2000)
    assert found["errors"].candidate_total == 6 * DUE
    assert decide(pairs_of([0] * 6, [0] * 6), GATE).outcome is Outcome.PASS


def test_more_failed_requests_are_a_regression_with_a_reason_of_its_own() -> None:
    pairs = pairs_of([5, 3, 6, 4, 5, 7], [0] * 6)
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert [fact.code for fact in verdict.reasons] == [Reason.MORE_ERRORS]
    errors = verdict.counts[0]
    assert (errors.baseline_count, errors.candidate_count) == (0, 30)
    assert not errors.by_runs
    # Before that, a pass waits; and the baseline's failures are no reason to fail.
    assert codes(pairs[:5]) == [Reason.COUNTS_UNDECIDED]
    assert decide(pairs[:5], GATE).pairs_to_decide in {1, 2}
    swapped = [replace(p, baseline=p.candidate, candidate=p.baseline) for p in pairs]
    assert decide(swapped, GATE).outcome is Outcome.PASS
    off = GATE.model_copy(update={"errors": False})
    assert decide(pairs, off).outcome is Outcome.PASS
    assert [one.name for one in decide(pairs, off).counts] == ["capacity"]


def test_as_many_in_both_arms_pass() -> None:
    rng = np.random.default_rng(7)
    ours, theirs = rng.poisson(6.0, (2, 12))
    assert decide(pairs_of(ours, theirs), GATE).outcome is Outcome.PASS


def test_one_burst_is_neither_a_regression_nor_passed_over() -> None:
    pairs = pairs_of([0, 0, 900, 0, 0, 0, 0, 0], [0] * 8)
    found = judged(pairs)["errors"]
    assert found.by_runs
    assert not found.failed
    assert found.undecided
    assert codes(pairs, spent=Reason.BUDGET_PAIRS) == [
        Reason.COUNTS_UNDECIDED,
        Reason.BUDGET_PAIRS,
    ]
    assert not judged(pairs_of([900], [0]))["errors"].failed
    # Bursts of both arms are nothing that only the candidate has.
    assert not judged(pairs_of([0, 0, 900, 0], [0, 880, 0, 0]))["errors"].failed


def test_a_lone_failed_request_is_left_out_of_account_once_it_is_rare() -> None:
    assert judged(pairs_of([1], [0], planned=750))["errors"].undecided
    assert not judged(pairs_of([1, 0], [0, 0], planned=6000))["errors"].undecided
    # Many are not, however rare they are.
    assert judged(pairs_of([1] * 6, [0] * 6, planned=10**6))["errors"].undecided


def test_pairs_whose_requests_are_not_known_are_left_out() -> None:
    external = LoadCounts(0, 0, 0, 0, 0, 0, 0, 0, Histogram.empty(), external=True)
    unknown = replace(REFERENCE, load=external)
    found = judged([pair_of(unknown, unknown)])["errors"]
    assert (found.baseline_total, found.evidence, found.undecided) == (0, 1.0, False)
    answers = Answers(
        {"200": 900, "500": 60}, Histogram.empty(), {"bad_status": 60, "closed": 40}, 0, 0
    )
    seen = replace(REFERENCE, load=replace(external, answers=answers))
    fine = replace(seen, load=replace(external, answers=replace(answers, errors={})))
    found = judged([pair_of(fine, seen, i) for i in range(7)] + [pair_of(unknown, seen, 7)])[
        "errors"
    ]
    assert (found.candidate_count, found.candidate_total) == (700, 7000)
    assert (found.baseline_count, found.baseline_total) == (0, 6720)
    assert found.failed


def test_a_waiver_accepts_more_failed_requests_up_to_its_ceiling() -> None:
    pairs = pairs_of([12] * 14, [0] * 14)  # 0.2%
    assert judged(pairs)["errors"].failed
    accepted = judged(pairs, errors=waiver("errors", 0.005))["errors"]
    assert not accepted.failed
    assert not accepted.undecided
    assert accepted.waived.ceiling == 0.005
    assert judged(pairs, errors=waiver("errors", 0.001))["errors"].failed
    scenario = [waiver("errors", 0.005)]
    assert decide(pairs, GATE, waivers=scenario).outcome is Outcome.PASS


def test_a_load_that_only_the_candidate_cannot_carry_is_a_regression() -> None:
    short = [pair_of(REFERENCE, loaded(overloaded=True), i) for i in range(12)]
    verdict = decide(short, GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert [fact.code for fact in verdict.reasons] == [Reason.LESS_CAPACITY]
    assert (verdict.counts[1].candidate_count, verdict.counts[1].candidate_total) == (12, 12)
    assert codes(short[:6]) == [Reason.COUNTS_UNDECIDED]
    turns = [
        p if i % 2 else replace(p, baseline=p.candidate, candidate=p.baseline)
        for i, p in enumerate(short)
    ]
    assert not judged(turns)["capacity"].failed
    once = [*short[:1], *(pair_of(REFERENCE, REFERENCE, i) for i in range(1, 20))]
    assert judged(once[:19])["capacity"].undecided
    assert not judged(once)["capacity"].undecided
    both = [replace(p, baseline=p.candidate) for p in short]
    assert not judged(both)["capacity"].undecided
    assert not judged(short, capacity=waiver("capacity", 30.0))["capacity"].failed


def test_connections_are_judged_when_asked_for() -> None:
    def opened(number: int) -> Run:
        return loaded(answers=Answers({"200": DUE}, Histogram.empty(), {}, number, 0))

    gate = GATE.model_copy(update={"connections": True})
    pairs = [pair_of(opened(32), opened(DUE), i) for i in range(13)]
    assert decide(pairs, GATE).outcome is Outcome.PASS
    assert codes(pairs, gate) == [Reason.MORE_CONNECTIONS]
    assert judged(pairs, gate)["connections"].threshold == pytest.approx(3000)
    assert codes([pair_of(opened(32), opened(45), i) for i in range(13)], gate) == [
        Reason.NO_REGRESSION
    ]


def test_counts_of_one_start_are_one_cluster() -> None:
    pairs = [replace(pair, start=0) for pair in pairs_of([4] * 8, [0] * 8)]
    assert not judged(pairs)["errors"].failed
