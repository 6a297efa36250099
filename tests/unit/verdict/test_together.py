"""The mean of all e-values: when it fails, and what is named."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.errors import Reason
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario.gating import Gate, Metric, Spikes
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.evidence import running_fail_evidence
from socklat_gate.verdict.together import Strand, carried_on, e_bh, judge_together
from socklat_gate.wording.headline import headline
from socklat_gate.wording.reasons import reason_text
from tests.unit.factories import make_result

from .builders import SERVICE_NS, STEADY, pair_of, pairs_with, run_of, scaled_run

ALPHA = 0.01
EVIDENCE = st.lists(st.floats(-5.0, 12.0), min_size=3, max_size=3)


def strand(name: str, share: float, *log_evidence: float) -> Strand:
    return Strand(name, share * ALPHA, np.array(log_evidence))


def test_it_fails_where_one_alone_would_and_names_it() -> None:
    found = judge_together(
        [strand("a", 0.5, 0.0, math.log(201)), strand("b", 0.5, 0.0, 0.0)], ALPHA
    )
    assert found.failed
    assert found.named == {"a"}
    assert found.evidence == pytest.approx(101.0)
    assert found.threshold == pytest.approx(100.0)


def test_several_together_fail_before_any_alone_would() -> None:
    strands = [strand(name, 0.25, 0.0, math.log(120)) for name in "abcd"]
    found = judge_together(strands, ALPHA)
    assert found.failed
    assert found.named == set("abcd")
    # 120 is far from the 400 that each would need alone.
    assert not judge_together(strands[:1], ALPHA).failed


def test_evidence_that_is_spread_thin_names_none() -> None:
    # Each third of what it takes, in a row of which none reaches 1/k of it at place k.
    parts = [0.6, 0.29, 0.2]
    strands = [strand(n, 0.1, math.log(1000 * part)) for n, part in zip("abc", parts, strict=True)]
    found = judge_together(strands, ALPHA)
    assert found.failed
    assert found.named == frozenset()
    assert found.most == ("a", "b", "c")


def test_the_largest_of_each_at_another_look_do_not_add_up() -> None:
    apart = [strand("a", 0.5, math.log(110), 0.0), strand("b", 0.5, 0.0, math.log(110))]
    assert not judge_together(apart, ALPHA).failed
    at_once = [strand("a", 0.5, math.log(110), 0.0), strand("b", 0.5, math.log(110), 0.0)]
    assert judge_together(at_once, ALPHA).failed  # and stays so


def test_nothing_judged_and_nothing_seen_fail_nothing() -> None:
    assert not judge_together([], ALPHA).failed
    empty = judge_together([strand("a", 1.0)], ALPHA)
    assert not empty.failed
    assert empty.evidence == 1.0
    assert empty.most == ()


@STEADY
@given(st.lists(EVIDENCE, min_size=1, max_size=8), st.integers(0, 99))
def test_never_later_than_bonferroni_and_never_a_name_without_a_failure(
    evidence: list[list[float]], seed: int
) -> None:
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(evidence)))
    strands = [
        strand(str(at), float(max(w, 1e-9)), *values)
        for at, (w, values) in enumerate(zip(weights, evidence, strict=True))
    ]
    found = judge_together(strands, ALPHA)
    alone = {one.name for one in strands if (one.log_evidence >= -math.log(one.alpha)).any()}
    assert alone <= found.named
    assert found.failed or not alone
    assert found.failed or not found.named


def test_e_bh_takes_the_largest_set_of_which_all_are_enough() -> None:
    one_over = -np.log(np.arange(1.0, 5.0))
    assert e_bh(one_over).all()
    assert e_bh(one_over - 1e-9).tolist() == [False] * 4
    assert e_bh([0.1, -0.8, -1.0, -9.0]).tolist() == [True, True, True, False]
    assert e_bh([0.0, -5.0]).tolist() == [True, False]
    assert e_bh([-5.0, -0.6, -0.6]).tolist() == [False, True, True]
    assert e_bh([-math.inf, -math.inf]).tolist() == [False, False]


def test_what_is_not_known_changes_nothing() -> None:
    known = np.array([False, True, False, True])
    assert carried_on(np.array([1.0, 2.0]), known).tolist() == [0.0, 1.0, 1.0, 2.0]


@pytest.mark.slow
def test_equal_arms_fail_at_most_as_often_as_alpha_says() -> None:
    """40 metrics that share half of their noise, 20 000 jobs of 40 pairs, at their tolerance."""
    rng = np.random.default_rng(4)
    jobs, pairs, metrics = 20_000, 40, 40
    shared = rng.standard_normal((jobs, pairs))
    mean = np.full((jobs, pairs), -np.inf)
    for _ in range(metrics):
        noise = 0.05 * math.sqrt(0.5) * (shared + rng.standard_normal((jobs, pairs)))
        mean = np.logaddexp(mean, running_fail_evidence(noise, 0.0, 0.05) - math.log(metrics))
    failed = (mean >= -math.log(ALPHA)).any(axis=1)
    assert failed.mean() <= ALPHA + 3 * math.sqrt(ALPHA / jobs)


def metric(quantile: float, threshold: float = 0.05) -> Metric:
    return Metric(quantile=quantile, tolerance=0.02, regression_threshold=threshold)


def test_metrics_that_got_slower_at_once_are_all_named_before_any_would_be_alone() -> None:
    gate = Gate(metrics=[metric(q / 100) for q in range(20, 80, 3)], capacity=False)
    verdict = decide(pairs_with([0.5] * 8), gate)
    assert verdict.outcome is Outcome.REGRESSION
    assert all(one.verdict is Outcome.REGRESSION for one in verdict.metrics)
    assert all(one.evidence_fail < one.threshold_fail for one in verdict.metrics)
    assert verdict.together is not None
    assert verdict.together.evidence >= verdict.together.threshold
    assert verdict.together.pairs == tuple(range(8))
    assert {fact.code for fact in verdict.reasons} == {Reason.REGRESSION}


def test_where_only_all_together_is_enough_the_verdict_says_so_and_names_the_nearest() -> None:
    gate = Gate(
        alpha=0.05,
        metrics=[metric(q, 0.3) for q in (0.3, 0.5, 0.7)],
        errors=False,
        capacity=False,
        spikes=Spikes(enabled=False),
    )
    ranks = np.linspace(0.0, 1.0, SERVICE_NS.size)
    slower = run_of(SERVICE_NS * np.exp(np.interp(ranks, [0.3, 0.5, 0.7], [0.02, 0.4, 0.9])))
    pairs = [pair_of(scaled_run(0.0), slower, at) for at in range(5)]
    verdict = decide(pairs, gate)
    assert verdict.outcome is Outcome.REGRESSION
    assert not any(one.verdict is Outcome.REGRESSION for one in verdict.metrics)
    (fact,) = verdict.reasons
    assert fact.code is Reason.REGRESSION_TOGETHER
    assert fact.subject == "response_p70, response_p50, response_p30"
    said = reason_text(fact, verdict)
    assert "none does alone" in said
    assert "response_p70 (+146" in said
    shown = headline(replace(make_result(), verdict=verdict))
    assert "by all metrics together, none alone shows it" in "".join(map(str, shown))
    assert decide(pairs[:4], gate).outcome is Outcome.INCONCLUSIVE


def test_pairs_to_decide_are_those_until_all_of_it_is_enough() -> None:
    gate = Gate(metrics=[metric(q / 100) for q in range(20, 80, 3)])
    soon = decide(pairs_with([0.5] * 2), gate).pairs_to_decide
    assert soon is not None
    assert decide(pairs_with([0.5] * (2 + soon)), gate).outcome is Outcome.REGRESSION
    assert decide(pairs_with([0.5] * (1 + soon)), gate).outcome is Outcome.INCONCLUSIVE
