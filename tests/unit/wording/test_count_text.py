from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.open_verdict import settled
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.wording.count_text import (
    count_evidence_text,
    count_of_total,
    counts_summary,
    differences_text,
)
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.reasons import reason_text
from socklat_gate.wording.sentence import plain
from tests.unit.factories import make_count_verdict, make_metric, make_result

FAILED = make_count_verdict(failed=True)


@pytest.mark.parametrize(
    ("name", "number", "total", "text"),
    [
        ("errors", 0, 48_000, "0 of 48\u202f000"),
        ("errors", 31, 48_000, "31 of 48\u202f000 (0.0646%)"),
        ("errors", 2, 4_000_000, "2 of 4\u202f000\u202f000 (5e-05%)"),
        ("capacity", 12, 12, "12 of 12"),
        ("connections", 6000, 6000, "6\u202f000 for 6\u202f000"),
        ("errors", 0, 0, "n/a"),
    ],
)
def test_a_count_of_its_total(name: str, number: int, total: int, text: str) -> None:
    assert count_of_total(name, number, total) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("errors", "31 of 48\u202f000 (0.0646%) of the candidate's requests failed; of the "),
        ("capacity", "the candidate could not carry its load in 31 of 48\u202f000 pairs; the "),
        ("connections", "clients of the candidate opened 31 for 48\u202f000 requests; of the "),
    ],
)
def test_both_arms_in_half_a_sentence(name: str, text: str) -> None:
    assert counts_summary(replace(FAILED, name=name)).startswith(text)


def test_what_the_counts_prove() -> None:
    assert count_evidence_text(FAILED) == "e-value against no increase / threshold: 5310 / 2000"
    assert count_evidence_text(replace(FAILED, by_runs=True)).endswith(", by pairs")


def test_failed_requests_are_the_headline_whatever_the_latency() -> None:
    for metrics, end in (
        ((), "2 of 48\u202f000 (0.00417%)"),
        ((make_metric("response_p50", Outcome.REGRESSION, 0.5),), "; also response_p50 (+50.0%)"),
    ):
        reasons = (ReasonFact(Reason.MORE_ERRORS),)
        verdict = Verdict(Outcome.REGRESSION, reasons, metrics, pairs=6, counts=(FAILED,))
        result = replace(make_result(), verdict=verdict)
        text = plain(headline(result))
        assert text.startswith("errors: 31 of 48\u202f000 (0.0646%) of the candidate's requests")
        assert text.endswith(end)
        assert "candidate's log" in plain(next_step(result))
        assert reason_text(reasons[0], verdict) == counts_summary(FAILED)


def test_an_open_count_says_why_a_pass_waits() -> None:
    open_ = make_count_verdict(undecided=True)
    fact = ReasonFact(Reason.COUNTS_UNDECIDED, "errors")
    metrics = (make_metric("response_p50", Outcome.PASS),)
    verdict = Verdict(Outcome.INCONCLUSIVE, (fact,), metrics, pairs=6, counts=(open_,))
    result = replace(make_result(), verdict=verdict)
    assert plain(headline(result)) == reason_text(fact, verdict)
    assert "neither shown to be more nor few enough for a pass" in reason_text(fact, verdict)
    assert "gate.max_pairs" in plain(next_step(result))


def test_other_statuses_are_shown_side_by_side() -> None:
    numbers = {"share": 0.3, "baseline 200": 900, "candidate 200": 600, "candidate 302": 300}
    fact = ReasonFact(Reason.ANSWERS_DIFFER, "statuses", numbers)
    text = differences_text("statuses", numbers)
    assert "30.0% of the responses have another status" in text
    assert "(baseline 200 100%; candidate 200 66.7%, 302 33.3%)" in text
    metrics = (make_metric("response_p50", Outcome.PASS),)
    verdict = Verdict(Outcome.INCONCLUSIVE, (fact,), metrics, pairs=6)
    result = replace(make_result(), verdict=verdict)
    assert plain(headline(result)).startswith("30.0% of the responses have another status")
    assert "gate.accept_answers" in plain(next_step(result))


def test_no_pair_can_change_what_only_responses_keep_open() -> None:
    fact = ReasonFact(Reason.ANSWERS_DIFFER, "sizes", {"share": 1.0})
    passed, open_ = (
        make_metric("response_p50", one) for one in (Outcome.PASS, Outcome.INCONCLUSIVE)
    )
    verdict = Verdict(Outcome.INCONCLUSIVE, (fact,), (passed,), pairs=6)
    assert settled(verdict)
    for other in (
        replace(verdict, reasons=(ReasonFact(Reason.BETWEEN_LIMITS),)),
        replace(verdict, metrics=(passed, open_)),
        replace(verdict, counts=(make_count_verdict(undecided=True),)),
        replace(verdict, outcome=Outcome.REGRESSION),
    ):
        assert not settled(other)


@pytest.mark.parametrize(("larger", "word"), [(0, "smaller"), (1, "larger")])
def test_other_sizes_are_shown_side_by_side(larger: int, word: str) -> None:
    numbers = {"share": 0.5, "baseline_bytes": 3012.0, "candidate_bytes": 48.0, "larger": larger}
    text = differences_text("sizes", numbers)
    assert f"50.0% of the responses are {word} by more than a fifth" in text
    assert "(median of the baseline 3.01 kB, of the candidate 48 B)" in text


def test_many_statuses_are_cut_and_unknown_ones_named() -> None:
    many = {f"candidate {status}": 10 for status in range(400, 408)} | {"baseline ": 80}
    text = differences_text("statuses", {"share": 1.0, **many})
    assert "baseline unknown 100%" in text
    assert "404 12.5% and 3 more)" in text


@pytest.mark.parametrize(("evidence", "over"), [(1.2, False), (999.0, False), (2e4, True)])
def test_clients_that_are_slower_beyond_doubt_end_the_job(evidence: float, over: bool) -> None:
    fact = ReasonFact(Reason.CLIENTS_SLOWER, "response_p50", {"evidence": evidence})
    passed = make_metric("response_p50", Outcome.PASS)
    assert settled(Verdict(Outcome.INCONCLUSIVE, (fact,), metrics=(passed,))) is over


def test_an_older_tls_names_both_mixes():
    numbers = {
        "share": 0.25,
        "baseline TLSv1.3": 16,
        "candidate TLSv1.2": 4,
        "candidate TLSv1.3": 12,
    }
    text = differences_text("tls", numbers)
    assert text.startswith("25.0% of the candidate's connections have an older version of TLS")
    assert "baseline TLSv1.3 100%" in text
    assert "candidate TLSv1.3 75.0%, TLSv1.2 25.0%" in text
    assert text.endswith("gate.accept_answers has to name tls")
