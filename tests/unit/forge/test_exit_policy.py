from __future__ import annotations

import math
from dataclasses import replace

import pytest

from socklat_gate.errors import Exit
from socklat_gate.forge.exit_policy import (
    FailOn,
    conclusion_of,
    job_exit,
    level_of,
    meaning_of,
    outcome_exit,
    service_change,
)
from socklat_gate.measured.verdict import Outcome
from tests.unit.factories import make_metric, make_result, make_verdict

FATAL = [code for code in Exit if code not in (Exit.PASS, Exit.INCONCLUSIVE)]


@pytest.mark.parametrize("fail_on", FailOn)
@pytest.mark.parametrize("code", [*FATAL, 9, 137, 255])
def test_whatever_is_no_verdict_fails_the_job(code: int, fail_on: FailOn) -> None:
    assert job_exit(code, fail_on) == code
    assert conclusion_of(code, fail_on) == "failure"
    assert level_of(code, fail_on) == "error"


@pytest.mark.parametrize("fail_on", FailOn)
def test_a_pass_passes(fail_on: FailOn) -> None:
    assert job_exit(0, fail_on) == 0
    assert conclusion_of(0, fail_on) == "success"
    assert level_of(0, fail_on) == "notice"


def test_an_undecided_gate_is_neutral_unless_asked_to_fail() -> None:
    undecided = int(Exit.INCONCLUSIVE)
    assert job_exit(undecided, FailOn.REGRESSION) == 0
    assert conclusion_of(undecided, FailOn.REGRESSION) == "neutral"
    assert level_of(undecided, FailOn.REGRESSION) == "warning"
    assert job_exit(undecided, FailOn.INCONCLUSIVE) == 4
    assert conclusion_of(undecided, FailOn.INCONCLUSIVE) == "failure"
    assert level_of(undecided, FailOn.INCONCLUSIVE) == "error"


def test_every_exit_code_has_a_meaning() -> None:
    assert len({meaning_of(code) for code in Exit}) == len(Exit)
    assert meaning_of(137) == "ended in a way that is not known"


def test_the_change_of_a_quantile() -> None:
    verdict = make_verdict(Outcome.REGRESSION)
    assert service_change(verdict, 0.99) == 0.31
    assert service_change(verdict, 0.999) is None
    unknown = make_metric("service_p50", Outcome.INCONCLUSIVE, math.nan)
    verdict = replace(make_verdict(Outcome.INCONCLUSIVE), metrics=(unknown,))
    assert service_change(verdict, 0.5) is None


@pytest.mark.parametrize("outcome", Outcome)
def test_a_result_stands_for_its_exit_code(outcome: Outcome) -> None:
    assert outcome_exit(make_result("gate", outcome)) == outcome.exit_code
    assert outcome_exit(make_result("run")) == 0
