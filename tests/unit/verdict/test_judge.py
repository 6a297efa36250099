"""What a metric's verdict carries beside its outcome: raw numbers, and how the evidence grew."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import accumulate

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Lack
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import MetricVerdict, Outcome
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.stored import compare
from tests.unit.factories import make_campaign, make_pair, make_run, with_correction
from tests.unit.verdict.builders import pairs_with

GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])


def judged(pairs: list[Pair], gate: Gate = GATE) -> MetricVerdict:
    return decide(pairs, gate, budget_spent=Reason.BUDGET_PAIRS).metrics[0]


def test_raw_numbers_are_those_of_all_exchanges() -> None:
    pairs = [with_correction(make_pair(i, 1.3)) for i in range(3)]
    metric = judged(pairs)
    expected = sorted(p.baseline.histograms["service"].quantile_ns(0.5) for p in pairs)
    assert metric.raw_baseline_ns == pytest.approx(expected[1])
    assert metric.raw_baseline_ns > metric.baseline_ns
    assert 0.25 < metric.raw_change < 0.4
    bare = judged([make_pair(i, 1.3) for i in range(3)])
    assert metric.raw_change == pytest.approx(bare.change)
    assert metric.raw_candidate_ns == pytest.approx(bare.candidate_ns)


def test_pairs_of_one_start_count_once_in_the_raw_change() -> None:
    pairs = [with_correction(make_pair(0, scale)) for scale in (1.0, 1.0, 1.0, 4.0)]
    assert judged(pairs).raw_change < 0.5
    together = [replace(pair, start=int(at == 3)) for at, pair in enumerate(pairs)]
    assert judged(together).raw_change > 0.9


def test_there_are_no_raw_numbers_without_a_correction() -> None:
    metric = judged([make_pair(i, 1.3) for i in range(3)])
    raw = (metric.raw_baseline_ns, metric.raw_candidate_ns, metric.raw_change)
    assert all(map(math.isnan, raw))
    cpu = Gate(
        metrics=[Metric(stage="cpu", quantile=None, tolerance=0.01, regression_threshold=0.03)]
    )
    corrected = [with_correction(make_pair(i)) for i in range(3)]
    assert math.isnan(judged(corrected, cpu).raw_change)


def test_a_stored_comparison_has_the_candidates_raw_number() -> None:
    baseline = [make_campaign() for _ in range(5)]
    candidate = make_campaign(runs=2)
    runs = tuple(replace(with_correction(make_pair(i)).baseline) for i in range(2))
    metric = compare(baseline, replace(candidate, runs=runs), GATE).metrics[0]
    assert metric.raw_candidate_ns == pytest.approx(1e6, rel=0.1)
    assert math.isnan(metric.raw_baseline_ns)
    assert math.isnan(compare(baseline, candidate, GATE).metrics[0].raw_candidate_ns)


def test_the_trace_is_the_evidence_after_each_pair() -> None:
    pairs = [make_pair(i, 1.3) for i in range(6)]
    metric = judged([*pairs, make_pair(6, 9.0, excluded="noisy")])
    assert metric.trace.pairs == tuple(range(6))
    assert len(metric.trace.change) == 6
    grown = [judged(pairs[:n]).evidence_fail for n in range(1, 7)]
    assert [max(1.0, e) for e in accumulate(metric.trace.fail, max)] == pytest.approx(grown)
    assert max(1.0, *metric.trace.passing) == pytest.approx(metric.evidence_pass)


def test_the_trace_has_one_step_a_start() -> None:
    gate = GATE.model_copy(update={"pairs_per_start": 2})
    pairs = [replace(make_pair(i, 1.3), start=i // 2) for i in range(6)]
    assert judged(pairs, gate).trace.pairs == (1, 3, 5)
    still_open = decide(pairs[:5], gate).metrics[0]
    assert still_open.trace.pairs == (1, 3)


def test_a_pair_without_exchanges_is_a_shortfall_and_no_step() -> None:
    few = make_pair(1)
    empty = replace(few.candidate, histograms={})
    metric = judged([make_pair(0), replace(few, candidate=empty), make_pair(2)])
    assert metric.trace.pairs == (0, 2)
    assert metric.verdict is Outcome.INCONCLUSIVE
    (shortfall,) = metric.shortfalls
    assert (shortfall.lack, shortfall.pair, shortfall.arm) == (Lack.STAGE, 1, "candidate")
    assert make_run().histograms  # the others have theirs


def test_an_improvement_is_shown_by_the_mirrored_evidence() -> None:
    faster, equal, slower = (
        decide(pairs_with([change + 0.001 * n for n in range(8)]), Gate())
        for change in (-1.3, 0.0, 1.3)
    )
    assert [metric.improved for metric in faster.metrics] == [True] * 4
    assert not any(metric.improved for verdict in (equal, slower) for metric in verdict.metrics)
    assert faster.outcome is Outcome.PASS
    for one, other in zip(faster.metrics, slower.metrics, strict=True):
        # 0.007 of drift in the changes of the series are not mirrored.
        assert one.evidence_improved == pytest.approx(other.evidence_fail, rel=0.05)
        assert one.evidence_improved >= one.threshold_pass


def test_a_small_improvement_is_none() -> None:
    """Within the tolerance, mirrored."""
    verdict = decide(pairs_with([-0.015] * 12), Gate())
    assert verdict.outcome is Outcome.PASS
    assert not verdict.metrics[0].improved
