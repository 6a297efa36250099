"""Which rule decides; what the whole verdict comes to is in test_decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.verdict import Outcome
from socklat_gate.verdict.judge import JudgedMetric
from socklat_gate.verdict.rules import RULES, Evidence, exposure_pairs
from socklat_gate.verdict.together import Together
from tests.unit.factories import (
    make_capacity,
    make_count_verdict,
    make_metric,
    make_spike_verdict,
)
from tests.unit.watches import make_stops


def judged(outcome: Outcome, to_fail: int | None = None, to_pass: int | None = 0) -> JudgedMetric:
    return JudgedMetric(make_metric("response_p50", outcome), False, to_fail, to_pass)


def raw(evidence: float) -> JudgedMetric:
    return replace(judged(Outcome.PASS), raw_evidence=evidence)


PASSED = Evidence([judged(Outcome.PASS)], make_spike_verdict(), [], 0, 5)
SLOWER = ReasonFact(Reason.CLIENTS_SLOWER, "response_p50")
WATCH_OPEN = ReasonFact(Reason.WATCH_OPEN)
DIFFERENT = ReasonFact(Reason.ANSWERS_DIFFER, "sizes")
OPEN = replace(PASSED, judged=[judged(Outcome.INCONCLUSIVE, 9, 4)])


def first(evidence: Evidence) -> str:
    return next(rule.name for rule in RULES if rule.decide(evidence))


@pytest.mark.parametrize(
    ("evidence", "name"),
    [
        (PASSED, "pass"),
        (replace(PASSED, spikes=None), "pass"),
        (replace(PASSED, exposure_pairs=3), "exposure"),
        (replace(PASSED, judged=[judged(Outcome.PASS), raw(1.01)]), "raw slower"),
        (replace(PASSED, judged=[raw(1.01)], exposure_pairs=3), "exposure"),
        (replace(PASSED, judged=[raw(1.0)]), "pass"),
        (replace(PASSED, clients=[SLOWER]), "slower clients"),
        (replace(PASSED, judged=[raw(1.01)], clients=[SLOWER]), "raw slower"),
        (OPEN, "undecided metric"),
        (replace(OPEN, judged=[*OPEN.judged, judged(Outcome.REGRESSION)]), "regression"),
        (replace(PASSED, spikes=make_spike_verdict(failed=True)), "regression"),
        (
            replace(PASSED, overlaps=[ReasonFact(Reason.OVERLAPPING_REQUESTS, "candidate")]),
            "overlap",
        ),
        (
            replace(
                PASSED,
                overlaps=[ReasonFact(Reason.OVERLAPPING_REQUESTS, "candidate")],
                counts=[make_count_verdict(failed=True)],
            ),
            "regression",
        ),
        (replace(PASSED, counts=[make_count_verdict(undecided=True)]), "undecided count"),
        (replace(OPEN, counts=[make_count_verdict(undecided=True)]), "undecided metric"),
        (replace(PASSED, differences=[DIFFERENT], exposure_pairs=3), "differing responses"),
        (replace(OPEN, differences=[DIFFERENT]), "differing responses"),
        (replace(PASSED, watch_open=WATCH_OPEN), "watch"),
        (replace(OPEN, watch_open=WATCH_OPEN), "undecided metric"),
        (replace(PASSED, watch_open=WATCH_OPEN, clients=[SLOWER]), "slower clients"),
        (
            replace(PASSED, watch_open=WATCH_OPEN, carried=make_capacity(Outcome.INCONCLUSIVE)),
            "watch",
        ),
        (replace(PASSED, watch_open=WATCH_OPEN, stops=make_stops(failed=True)), "regression"),
    ],
)
def test_the_first_rule_that_holds(evidence, name):
    assert first(evidence) == name


def test_what_fails_without_a_name_is_told_by_what_has_most_evidence():
    most = ("limit response_p50", "errors", "response_p50")
    together = Together(np.log([120.0]), 100.0, True, frozenset(), most)
    rule = next(rule for rule in RULES if rule.name == "regression")
    (fact,) = rule.decide(replace(PASSED, together=together)).reasons
    assert (fact.code, fact.subject) == (Reason.REGRESSION_TOGETHER, "response_p50, errors")
    assert fact.numbers["evidence"] == pytest.approx(120.0)
    assert rule.decide(replace(PASSED, together=replace(together, failed=False))) is None


def test_a_request_that_an_arm_never_got_comes_before_what_is_undecided():
    fact = ReasonFact(Reason.REQUEST_NOT_SEEN, "cart")
    assert first(replace(OPEN, unseen=[fact])) == "unseen requests"
    assert first(replace(PASSED, unseen=[fact], exposure_pairs=3)) == "unseen requests"


def test_pairs_to_fail_are_those_of_all_evidence_together():
    rule = next(rule for rule in RULES if rule.name == "undecided metric")
    assert rule.decide(replace(OPEN, to_fail=2)).pairs_to_decide == 2


@pytest.mark.parametrize(("missing", "pairs"), [(0, 4), (3, 4), (7, 7), (12, 9)])  # to fail takes 9
def test_pairs_to_decide_are_those_of_the_nearest_way(missing, pairs):
    rule = next(rule for rule in RULES if rule.name == "undecided metric")
    assert rule.decide(replace(OPEN, exposure_pairs=missing)).pairs_to_decide == pairs


def test_exposure_is_expected_to_grow_as_it_did():
    spikes = replace(make_spike_verdict(), candidate_exposure_s=30.0)
    assert exposure_pairs(None, 120.0, 3, 40) == 0
    assert exposure_pairs(spikes, 30.0, 3, 40) == 0
    assert exposure_pairs(spikes, 120.0, 3, 40) == 9
    assert exposure_pairs(replace(spikes, candidate_exposure_s=0.0), 120.0, 3, 40) == 40


@pytest.mark.parametrize(("evidence", "further"), [(1.0, None), (44.0, 6), (1990.0, 1)])
def test_an_open_count_is_expected_to_grow_as_it_did(evidence, further):
    rule = next(rule for rule in RULES if rule.name == "undecided count")
    count = replace(make_count_verdict(undecided=True), evidence=evidence, threshold=2000.0)
    found = rule.decide(replace(PASSED, pairs=5, counts=[count]))
    assert found.pairs_to_decide == further
    assert found.reasons == (ReasonFact(Reason.COUNTS_UNDECIDED, count.name),)
