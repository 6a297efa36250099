from __future__ import annotations

import math
from dataclasses import replace

import pytest

from socklat_gate.errors import Exit, Reason
from socklat_gate.forge.exit_policy import (
    Ending,
    FailOn,
    OnNoBaseline,
    conclusion_of,
    job_exit,
    latency_change,
    level_of,
    meaning_of,
    outcome_exit,
)
from socklat_gate.forge.finding import Finding
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.verdict import UNDECIDED, Outcome, Verdict
from tests.unit.factories import make_metric, make_result, make_verdict
from tests.unit.named_results import make_named_metric

FATAL = [code for code in Exit if code not in (Exit.PASS, Exit.INCONCLUSIVE)]


@pytest.mark.parametrize("fail_on", FailOn)
@pytest.mark.parametrize("code", [*FATAL, 9, 137, 255])
def test_whatever_is_no_verdict_fails_the_job(code: int, fail_on: FailOn) -> None:
    for ending in (Ending(code), Ending(code, only_undecided=True)):
        assert job_exit(ending, fail_on) == code
        assert conclusion_of(ending, fail_on) == "failure"
        assert level_of(ending, fail_on) == "error"


@pytest.mark.parametrize("fail_on", FailOn)
def test_a_pass_passes(fail_on: FailOn) -> None:
    assert job_exit(Ending(0), fail_on) == 0
    assert conclusion_of(Ending(0), fail_on) == "success"
    assert level_of(Ending(0), fail_on) == "notice"


@pytest.mark.parametrize(
    ("fail_on", "only_undecided", "neutral"),
    [
        (FailOn.REGRESSION, True, True),
        (FailOn.REGRESSION, False, False),
        (FailOn.REGRESSION_ONLY, True, True),
        (FailOn.REGRESSION_ONLY, False, True),
        (FailOn.INCONCLUSIVE, True, False),
        (FailOn.INCONCLUSIVE, False, False),
    ],
)
def test_only_a_budget_that_was_not_enough_is_neutral_unless_the_workflow_says_otherwise(
    fail_on: FailOn, only_undecided: bool, neutral: bool
) -> None:
    ending = Ending(int(Exit.INCONCLUSIVE), only_undecided)
    assert job_exit(ending, fail_on) == (0 if neutral else 4)
    assert conclusion_of(ending, fail_on) == ("neutral" if neutral else "failure")
    assert level_of(ending, fail_on) == ("warning" if neutral else "error")
    assert ending.is_unjudged(fail_on) == (fail_on is FailOn.REGRESSION and not only_undecided)


@pytest.mark.parametrize("reason", Reason)
def test_only_reasons_about_the_budget_leave_a_verdict_undecided(reason: Reason) -> None:
    budget = ReasonFact(Reason.BUDGET_PAIRS)
    verdict = Verdict(Outcome.INCONCLUSIVE, (budget, ReasonFact(reason)))
    assert verdict.only_undecided == (reason in UNDECIDED)
    assert not replace(verdict, outcome=Outcome.PASS).only_undecided
    assert not Verdict(Outcome.INCONCLUSIVE, ()).only_undecided


@pytest.mark.parametrize("fail_on", FailOn)
@pytest.mark.parametrize(
    ("on_no_baseline", "yet", "neutral"),
    [
        (OnNoBaseline.FAIL, True, False),
        (OnNoBaseline.NEUTRAL, True, True),
        (OnNoBaseline.NEUTRAL, False, False),
    ],
)
def test_no_baseline_yet_is_neutral_where_that_is_asked_for(
    fail_on: FailOn, on_no_baseline: OnNoBaseline, yet: bool, neutral: bool
) -> None:
    ending = Ending(int(Exit.NO_BASELINE), no_baseline_yet=yet)
    assert job_exit(ending, fail_on, on_no_baseline) == (0 if neutral else 5)
    assert conclusion_of(ending, fail_on, on_no_baseline) == ("neutral" if neutral else "failure")
    assert level_of(ending, fail_on, on_no_baseline) == ("warning" if neutral else "error")


@pytest.mark.parametrize("reason", Reason)
def test_only_where_nothing_is_stored_there_is_none_yet(reason: Reason) -> None:
    result = make_result("gate", Outcome.NO_BASELINE)
    verdict = replace(result.verdict, reasons=(ReasonFact(reason),))
    ending = Finding(5, "checkout", replace(result, verdict=verdict), "", ()).ending
    assert ending.no_baseline_yet == (reason is Reason.NO_BASELINE_YET)
    assert not Finding(5, "checkout", None, "no result", ()).ending.no_baseline_yet


def test_every_exit_code_has_a_meaning() -> None:
    assert len({meaning_of(code) for code in Exit}) == len(Exit)
    assert meaning_of(99) == "ended in a way that is not known"


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (124, "took too long for `timeout`, which ended it"),
        (126, "could not be started"),
        (127, "was not found"),
        (134, "was ended by SIGABRT"),
        (137, "was ended by SIGKILL, as the system does when memory runs out"),
        (139, "was ended by SIGSEGV"),
        (255, "ended in a way that is not known"),
    ],
)
def test_what_ended_a_gate_that_could_not_say_so(code: int, meaning: str) -> None:
    assert meaning_of(code) == meaning


def test_the_change_of_a_quantile() -> None:
    verdict = make_verdict(Outcome.REGRESSION)
    assert latency_change(verdict, 0.99) == 0.31
    named = make_named_metric("cart", "response_p99", Outcome.REGRESSION, 0.9)
    assert latency_change(replace(verdict, metrics=(*verdict.metrics, named)), 0.99) == 0.31
    assert latency_change(replace(verdict, metrics=(named,)), 0.99) is None
    assert latency_change(verdict, 0.999) is None
    unknown = make_metric("response_p50", Outcome.INCONCLUSIVE, math.nan)
    verdict = replace(make_verdict(Outcome.INCONCLUSIVE), metrics=(unknown,))
    assert latency_change(verdict, 0.5) is None


@pytest.mark.parametrize("outcome", Outcome)
def test_a_result_stands_for_its_exit_code(outcome: Outcome) -> None:
    assert outcome_exit(make_result("gate", outcome)) == outcome.exit_code
    assert outcome_exit(make_result("run")) == 0
