"""What A/A pairs show that they should not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import NoteCode, ReasonFact
from socklat_gate.measured.verdict import Outcome
from socklat_gate.verdict.aa_problems import problems_of
from tests.unit.factories import make_verdict


@pytest.mark.parametrize(
    ("code", "subject"),
    [
        (Reason.REGRESSION, "response_p99"),
        (Reason.REGRESSION_TOGETHER, "response_p99, response_p50"),
    ],
)
def test_a_failure_of_equal_arms_is_a_false_alarm_named_or_not(code: Reason, subject: str) -> None:
    verdict = replace(make_verdict(Outcome.REGRESSION), reasons=(ReasonFact(code, subject),))
    (problem,) = problems_of(verdict)
    assert (problem.code, problem.subject) == (NoteCode.FALSE_ALARM, "response_p99")
    assert problem.numbers["change"] == pytest.approx(0.31)
