"""Blocks of k + k containers: what one of the k lacks, or does, is not lost in the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.judged_values import least_exceeding
from socklat_gate.verdict.log_ratios import metric_log_ratios
from socklat_gate.verdict.units import units_of
from socklat_gate.wording.reasons import reason_text

from .builders import SERVICE_NS, block_of, blocks_with, run_of, scaled_run

P50 = Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)
P99 = Metric(quantile=0.99, tolerance=0.05, regression_threshold=0.15)
GATE = Gate(metrics=[P50])
REFERENCE = scaled_run(0.0)
NOISE = np.random.default_rng(15).normal(0, 0.004, (40, 4))


def codes(verdict: Verdict) -> set[Reason]:
    return {fact.code for fact in verdict.reasons}


def blocks_of(candidates: Sequence[Sequence[Run]]) -> list[Pair]:
    found: list[Pair] = []
    for runs in candidates:
        found += block_of([REFERENCE] * len(runs), runs, len(found))
    return found


@pytest.mark.parametrize("containers", [2, 4])
def test_equal_arms_pass_and_blocks_count_once(containers: int) -> None:
    verdict = decide(blocks_with(NOISE[:12, :containers].tolist()), GATE)
    assert verdict.outcome is Outcome.PASS
    assert (verdict.pairs, verdict.containers) == (12, containers)
    assert f"12 blocks of {containers} + {containers} containers exclude" in reason_text(
        verdict.reasons[0], verdict
    )


@pytest.mark.parametrize(("containers", "needed"), [(1, 11), (2, 4), (4, 2)])
def test_a_gross_change_fails_in_few_blocks(containers: int, needed: int) -> None:
    """Twice as slow: one bit a pair at most, log2 6 of a block of 2 + 2, log2 70 of 4 + 4."""
    changes = (NOISE[:needed, :containers] + math.log(2.0)).tolist()
    outcomes = [decide(blocks_with(changes[:n]), GATE).outcome for n in range(1, needed + 1)]
    assert outcomes[-1] is Outcome.REGRESSION
    assert Outcome.PASS not in outcomes
    assert outcomes[needed // 2 - 1] is Outcome.INCONCLUSIVE
    verdict = decide(blocks_with(changes), GATE)
    assert {part.stage for part in verdict.attribution} == {"app"}
    for metric in verdict.metrics:
        assert 0.2 < metric.ci_low < metric.change < metric.ci_high < 2.0


def test_the_change_of_a_block_is_that_of_the_arms_means() -> None:
    verdict = decide(blocks_with([[0.1, 0.3]] * 12), GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert verdict.metrics[0].change == pytest.approx(math.expm1(0.2), abs=0.005)
    # Evidence is of blocks, each named by its last pair.
    assert verdict.metrics[0].trace.pairs == tuple(range(1, 24, 2))


def test_the_budget_is_of_blocks() -> None:
    blocks = blocks_with([[0.03, 0.04]])
    verdict = decide(blocks, GATE, budget_spent=Reason.BUDGET_PAIRS)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "after 1 usable block;" in reason_text(verdict.reasons[0], verdict)


@pytest.mark.parametrize("lacking", [0, 1, 3])
def test_a_container_without_samples_keeps_a_pass_away(lacking: int) -> None:
    """It may have got no load, or have responded to none: what it would be is not known."""
    candidates = [[scaled_run(x) for x in row] for row in NOISE[:14].tolist()]
    candidates[3][lacking] = run_of(SERVICE_NS[:0])
    verdict = decide(blocks_of(candidates), GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    (metric,) = verdict.metrics
    assert [(lack.pair, lack.arm) for lack in metric.shortfalls] == [(12 + lacking, "candidate")]
    assert codes(verdict) & {Reason.TOO_FEW_SAMPLES, Reason.TOO_FEW_REQUESTS}


def test_each_container_needs_its_part_of_the_requests() -> None:
    assert [least_exceeding(containers) for containers in (1, 2, 4)] == [50, 25, 13]
    part = run_of(SERVICE_NS[::2])  # 3000 requests, 30 beyond p99
    block = block_of([part] * 2, [part] * 2)
    assert metric_log_ratios(block, [P99])["response_p99"].shortfalls == ()
    alone = [replace(block[0], start=None)]
    (lack, _) = metric_log_ratios(alone, [P99])["response_p99"].shortfalls
    assert (lack.exceeding, lack.needed) == (30, 50)
    fewer = run_of(SERVICE_NS[::3])
    (short,) = metric_log_ratios(block_of([part] * 2, [part, fewer]), [P99])[
        "response_p99"
    ].shortfalls
    assert (short.pair, short.arm, short.needed) == (1, "candidate", 25)


def test_too_few_requests_are_told_as_the_arms() -> None:
    part = run_of(SERVICE_NS[::4], counters={"overlapped": 0, "recorded": 1500})
    verdict = decide(block_of([part] * 2, [part] * 2), Gate(metrics=[P99]))
    fact = next(fact for fact in verdict.reasons if fact.code is Reason.TOO_FEW_REQUESTS)
    assert fact.numbers["requests"] == 3000


@pytest.mark.parametrize("slow", [0, 3])
def test_one_slow_container_of_four_is_a_regression(slow: int) -> None:
    """Its quarter of the mean is beyond the zone, whichever of the four it is."""
    changes = NOISE[:24].copy()
    changes[:, slow] += 0.4
    pairs = blocks_with(changes.tolist())
    assert decide(pairs[:56], GATE).outcome is Outcome.INCONCLUSIVE
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert verdict.metrics[0].change == pytest.approx(math.expm1(0.1), abs=0.01)


@pytest.mark.parametrize(("containers", "needed"), [(2, 8), (4, 4)])
def test_a_pass_by_blocks_rests_on_sixteen_starts(containers: int, needed: int) -> None:
    """Evidence enough for a pass comes sooner: it says nothing of starts that were not met."""
    blocks = blocks_with(NOISE[:needed, :containers].tolist())
    waiting, passed = decide(blocks[:-containers], GATE), decide(blocks, GATE)
    assert (waiting.outcome, waiting.pairs_to_decide) == (Outcome.INCONCLUSIVE, 1)
    assert waiting.metrics[0].verdict is Outcome.PASS
    assert passed.outcome is Outcome.PASS
    spent = decide(blocks[:-containers], GATE, budget_spent=Reason.BUDGET_PAIRS)
    assert codes(spent) == {Reason.BUDGET_PAIRS}
    assert "about 1 more block would decide" in reason_text(spent.reasons[0], spent)


def test_measurements_on_the_same_containers_are_no_further_starts() -> None:
    gate = Gate(metrics=[P50], pairs_per_start=4)
    blocks = blocks_with(NOISE[:16].tolist())
    again = [replace(pair, start=16 * (at // 16)) for at, pair in enumerate(blocks)]
    assert decide(again[:48], gate).outcome is Outcome.INCONCLUSIVE
    assert decide(again[:48], gate).pairs_to_decide == 4
    assert decide(again, gate).outcome is Outcome.PASS


def test_what_a_clean_block_says_does_not_stand_against_those_after_it() -> None:
    """Half of the starts from the second block on are slow by half."""
    changes = NOISE[:6].copy()
    changes[1:, :2] += math.log(1.5)
    verdict = decide(blocks_with(changes.tolist()), GATE)
    assert decide(blocks_with(changes[:1].tolist()), GATE).metrics[0].verdict is Outcome.PASS
    assert verdict.outcome is not Outcome.PASS
    assert verdict.metrics[0].evidence_pass < 20


@pytest.mark.slow
@pytest.mark.parametrize("containers", [2, 4])
def test_a_candidate_that_is_slow_in_one_start_of_five_is_seldom_passed(containers: int) -> None:
    rng = np.random.default_rng(3)
    passed = 0
    for _ in range(200):
        slow = rng.random((16, containers)) < 0.2
        changes = rng.normal(0, 0.008, slow.shape) + math.log(1.5) * slow
        pairs = blocks_with(changes.tolist())
        looks = range(containers, len(pairs) + 1, containers)
        outcomes = (decide(pairs[:n], GATE).outcome for n in looks)
        first = next((one for one in outcomes if one is not Outcome.INCONCLUSIVE), None)
        passed += first is Outcome.PASS
    assert passed <= 0.07 * 200


def test_responses_that_differ_in_one_container_of_four_keep_a_pass_away() -> None:
    def responding(run: Run, status: str) -> Run:
        answers = Answers({status: 900}, Histogram.of(np.full(900, 3000)), {}, 8, 0)
        return replace(run, load=replace(run.load, answers=answers))

    found: list[Pair] = []
    for row in NOISE[:12].tolist():
        others = [responding(scaled_run(x), "200") for x in row]
        others[2] = responding(others[2], "204")
        found += block_of([responding(REFERENCE, "200")] * 4, others, len(found))
    verdict = decide(found, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    (fact,) = [fact for fact in verdict.reasons if fact.code is Reason.ANSWERS_DIFFER]
    assert fact.numbers["share"] == pytest.approx(0.25)


def test_errors_of_one_container_of_four_fail_the_job() -> None:
    candidates = [[scaled_run(x) for x in row] for row in NOISE[:14].tolist()]
    for runs in candidates:
        runs[1] = replace(runs[1], load=replace(runs[1].load, errors=60))
    verdict = decide(blocks_of(candidates), GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert Reason.MORE_ERRORS in codes(verdict)


def test_units_hold_every_container_and_the_raw_numbers_beside() -> None:
    pairs = blocks_with([[0.1, 0.3], [0.0, 0.2]])
    ratios = metric_log_ratios(pairs, [P50])["response_p50"]
    units = units_of(ratios, cluster_ids(pairs))
    assert units.of.shape == units.raw.shape == (2, 2, 2)
    assert units.complete.all()
    assert units.d == pytest.approx([0.2, 0.1], abs=0.01)
    assert units.d.tolist() == units.raw_d.tolist()
    assert (units.of[:, 1] - units.of[:, 0]).ravel() == pytest.approx(
        [0.1, 0.3, 0.0, 0.2], abs=0.01
    )
