"""Facts as sentences, also those that a stored document holds only in part."""

from __future__ import annotations

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Lack, ReasonFact, Shortfall
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.wording.reasons import coded_reasons, reason_text
from socklat_gate.wording.shared_facts import shortfall_text
from tests.unit.factories import make_verdict, worded_reasons


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("subject", ["", "response_p99", "what nobody gated"])
@pytest.mark.parametrize("numbers", [{}, {"pairs": None, "share": "much", "campaigns": 1e300}])
def test_every_reason_has_a_sentence_whatever_a_document_holds(reason, subject, numbers):
    verdict = make_verdict(Outcome.REGRESSION)
    text = reason_text(ReasonFact(reason, subject, numbers), verdict)
    assert text
    assert "None" not in text


def test_a_sentence_that_a_fact_carries_is_shown_as_it_is():
    (fact,) = worded_reasons((Reason.SERVICE_DIED, "exit code 3 (look at its log)"))
    verdict = Verdict(Outcome.INVALID, (fact,))
    assert coded_reasons(verdict) == [("service_died", "exit code 3 (look at its log)")]
    assert coded_reasons(Verdict(Outcome.INVALID, ())) == []


@pytest.mark.parametrize(
    ("shortfall", "text"),
    [
        (
            Shortfall(Lack.EXCHANGES, 3, "baseline", exceeding=4.2, exchanges=420, needed=50),
            "pair 3, baseline: 4.2 of 420 exchanges lie beyond service p99, 50 are needed",
        ),
        (
            Shortfall(Lack.STAGE, campaign=2, run=1),
            "stored campaign 2, run 1: stage service was not measured",
        ),
        (Shortfall(Lack.RUNS), "new has no runs"),
        (
            Shortfall(Lack.CPU_TIME, run=0),
            "new, run 0: the container's CPU time was not measured",
        ),
    ],
)
def test_a_shortfall_names_the_run_and_what_it_lacks(shortfall, text):
    assert shortfall_text(shortfall, "service", 0.99) == text
