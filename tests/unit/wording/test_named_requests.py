"""Sentences about named requests: which one, where, by how much, and how many more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Drift, DriftedMetric, Note, NoteCode, ReasonFact
from socklat_gate.measured.run import Join, Mismatch
from socklat_gate.measured.verdict import Outcome, SpikeVerdict
from socklat_gate.wording.drift_text import drift_text
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.progress_lines import aa_pair_line, pair_line
from socklat_gate.wording.reasons import reason_text
from socklat_gate.wording.request_text import join_text, others_text
from socklat_gate.wording.sentence import plain
from socklat_gate.wording.threshold_text import thresholds_text
from tests.unit.factories import make_count_verdict, make_limit, make_metric, make_spike_verdict
from tests.unit.named_results import (
    MANY,
    NAMES,
    make_named_metric,
    make_named_result,
    make_named_run_result,
)

RESULT = make_named_result()


def with_verdict(**changes):
    return replace(RESULT, verdict=replace(RESULT.verdict, **changes))


def test_the_headline_names_endpoint_stage_and_change() -> None:
    assert plain(headline(RESULT)) == (
        "p99 of checkout is 31.0% slower (interval 24.0% to 39.0%), almost all of it in app; "
        "2 metrics by request slower, evidence incomplete"
    )
    assert plain(next_step(RESULT)).startswith("Start with app of checkout: the application")


def test_the_stage_is_the_request_s_own_and_not_that_of_all() -> None:
    whole = tuple(part for part in RESULT.verdict.attribution if not part.request)
    text = plain(headline(with_verdict(attribution=whole)))
    assert "of it in" not in text
    assert "Start with" not in plain(next_step(with_verdict(attribution=whole)))


def test_other_requests_come_before_other_quantiles_of_the_worst_one() -> None:
    failed = Outcome.REGRESSION
    metrics = (
        make_metric("response_p99", failed, 0.06),
        make_named_metric("a", "response_p50", failed, 0.5),
        make_named_metric("a", "response_p90", failed, 0.7),
        make_named_metric("a", "response_p99", failed, 0.6),
        make_named_metric("b", "response_p99", failed, 0.2),
    )
    text = plain(headline(with_verdict(metrics=metrics, attribution=())))
    assert text.startswith("p90 of a is 70.0% slower")
    assert text.endswith(
        "; also p99 of b (+20.0%), response_p99 (+6.00%), p99 of a (+60.0%) and 1 more"
    )


def test_thirty_regressions_are_a_short_sentence() -> None:
    text = plain(headline(make_named_result(MANY, slow=tuple(MANY))))
    assert len(text) < 400
    assert "and 26 more" in text


def test_failures_of_one_request_lead() -> None:
    count = replace(make_count_verdict("errors[checkout]", failed=True), request="checkout")
    text = plain(headline(with_verdict(counts=(count,))))
    assert text == (
        "errors of checkout: 31 of 48 000 (0.0646%) of the candidate's checkout requests failed; "
        "of the baseline's 2 of 48 000 (0.00417%); also p99 of checkout (+31.0%)"
    ).replace("48 000", "48\u202f000")


def test_spikes_say_which_request_they_are_of() -> None:
    spikes: SpikeVerdict = replace(make_spike_verdict(failed=True, candidate=5), request="cart")
    result = with_verdict(
        metrics=(), spikes=spikes, reasons=(ReasonFact(Reason.MORE_SPIKES, "cart"),)
    )
    assert ", most of them of cart" in plain(headline(result))
    fact = result.verdict.reasons[0]
    assert reason_text(fact, result.verdict).endswith("in response to `cart`")


def test_limits_beyond_the_first_few_are_counted() -> None:
    above = tuple(make_limit(f"response_p{n}", Outcome.REGRESSION) for n in range(90, 97))
    text = plain(headline(with_verdict(limits=above)))
    assert text.count("above its limit") == 3
    assert text.endswith("; 4 more above their limits")


def test_a_pass_names_the_thresholds_of_all_requests_at_once() -> None:
    verdict = make_named_result(MANY, Outcome.PASS).verdict
    assert reason_text(verdict.reasons[0], verdict) == (
        "2 pairs exclude changes as large as response_p50 +5.00%, response_p90 +8.00%, "
        "response_p99 +15.0%, of each of 30 requests response_p50 +5.00%, response_p90 +8.00%, "
        "response_p99 +15.0%"
    )


def test_thresholds_that_differ_are_a_range() -> None:
    one = make_named_metric("a", "response_p99", Outcome.PASS)
    other = replace(make_named_metric("b", "response_p99", Outcome.PASS), regression_threshold=0.3)
    assert thresholds_text([one]) == "p99 of `a` +15.0%"
    assert thresholds_text([one, other]) == "of each of 2 requests response_p99 +15.0% to +30.0%"


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        (ReasonFact(Reason.REGRESSION, "response_p99[checkout]"), "p99 of `checkout` changed by"),
        (ReasonFact(Reason.REGRESSION, "response_p99[gone]"), "p99 of `gone` changed by more than"),
        (ReasonFact(Reason.TOO_FEW_SAMPLES, "response_p99[checkout]"), "p99 of `checkout` cannot"),
        (ReasonFact(Reason.CLIENTS_SLOWER, "response_p50[checkout]"), "p50 of `checkout` passes"),
        (ReasonFact(Reason.RAW_SLOWER, "response_p50[checkout]"), "p50 of `checkout` "),
        (ReasonFact(Reason.LIMIT_NOT_SHOWN, "response_p99[x]"), "p99 of `x` is shown neither"),
        (ReasonFact(Reason.ABOVE_LIMIT, "response_p99[x]"), "p99 of `x` is above its limit"),
        (ReasonFact(Reason.TOO_FEW_REQUESTS, "response_p99[x]"), "p99 of `x` cannot be judged"),
        (ReasonFact(Reason.REQUEST_NOT_SEEN, "x"), "of request `x` nothing is known"),
        (ReasonFact(Reason.REGRESSION_TOGETHER, "response_p99[checkout], response_p50"), None),
        (ReasonFact(Reason.ANSWERS_DIFFER, "sizes[x]", {"more": 2}), "the responses to `x` are"),
        (ReasonFact(Reason.ANSWERS_DIFFER, "statuses[x]"), "the responses to `x` have another"),
    ],
)
def test_every_reason_says_which_request(fact: ReasonFact, text: str | None) -> None:
    shown = reason_text(fact, RESULT.verdict)
    assert (text or "p99 of `checkout` (+31.0%); response_p50 (+0.40%)") in shown
    assert "[" not in shown


def test_more_requests_whose_responses_differ_are_counted() -> None:
    fact = ReasonFact(Reason.ANSWERS_DIFFER, "sizes[x]", {"more": 2})
    assert reason_text(fact, RESULT.verdict).endswith(
        "the responses to 2 more requests differ, too"
    )


@pytest.mark.parametrize("code", [NoteCode.ARMS_DIFFER, NoteCode.FALSE_ALARM, NoteCode.NOT_JUDGED])
def test_notes_say_which_request(code: NoteCode) -> None:
    assert "p99 of `cart`" in note_text(Note(code, "response_p99[cart]", {"lack": "exchanges"}))


def test_a_calibration_names_what_all_requests_together_detect() -> None:
    numbers = {"mde.response_p99": 0.1, "mde.response_p99[cart]": 0.3}
    text = note_text(Note(NoteCode.CALIBRATED, numbers=numbers))
    assert "detects, with 80% power, response_p99 +10.0%" in text
    assert "cart" not in text


def test_drift_of_many_metrics_is_cut() -> None:
    drifted = tuple(DriftedMetric(f"response_p99[r{n}]", 0.2, -0.1, 0.1) for n in range(30))
    text = drift_text(Drift(4, 30, drifted, tuple(f"response_p50[r{n}]" for n in range(30))))
    assert "p99 of `r0` +20.0% (expected -10.0% to +10.0%)" in text
    assert text.count("and 25 more") == 2
    assert len(text) < 600


def test_progress_shows_all_requests_and_the_slowest_names() -> None:
    verdict = make_named_result(MANY).verdict
    line = pair_line(3, 40, verdict, 60.0)
    assert "p50 +0.40% ok  p90 -1.10% ok  p99 +0.40% ok" in line
    assert "checkout p99 +31.0% SLOWER" in line
    assert "87 of 90 by request ok" in line
    assert len(line) < 160
    line = pair_line(3, 40, make_named_result(MANY, slow=tuple(MANY)).verdict, 60.0)
    assert "and 28 more SLOWER" in line


def test_progress_of_an_aa_study_has_all_requests_only_where_they_are_judged() -> None:
    changes = {"response_p99": 0.01, "response_p99[cart]": 0.02}
    assert aa_pair_line(1, 8, changes) == "pair 1/8  p99 +1.00%"
    assert aa_pair_line(1, 8, {"response_p99[cart]": 0.02}) == "pair 1/8  cart p99 +2.00%"


def test_a_run_names_its_slowest_request() -> None:
    text = plain(headline(make_named_run_result()))
    assert "; slowest of 3 requests: checkout, p99 " in text
    alone = make_named_run_result({"only": 1.0})
    assert "slowest" not in plain(headline(alone))


def test_the_others_are_one_line() -> None:
    verdict = make_named_result(MANY).verdict
    rest = [name for name in MANY if name != "checkout"]
    assert plain(others_text(rest, listed=True, verdict=verdict)) == (
        "29 other requests: 87 of 87 metrics pass; largest increase: p50 of v2.item-10 +0.20%."
    )
    assert others_text([], listed=True, verdict=verdict) == ()
    assert plain(others_text(["a"], listed=False, verdict=None)) == "1 request: see below."
    text = plain(others_text(["checkout"], listed=True, verdict=verdict))
    assert text.startswith("1 other request: 0 of 3 metrics pass, 1 got slower; ")
    assert set(NAMES) & set(MANY) == {"checkout"}


def test_others_that_were_not_judged_are_said_to_be_so() -> None:
    verdict = make_named_result(MANY).verdict
    names = ["v2.item-00", "rare", "rarer"]
    assert "3 of 3 metrics pass; 2 requests not judged by name; " in plain(
        others_text(names, listed=True, verdict=verdict)
    )
    assert plain(others_text(["rare"], listed=True, verdict=verdict)) == (
        "1 other request, not judged by name."
    )


def test_the_join_says_on_which_connections_it_fails() -> None:
    agreed = Join(2_000, 2_000, 32)
    assert join_text([]) == ""
    assert join_text([("baseline", agreed), ("candidate", agreed)]) == (
        "kernel and driver agree on 64 of 64 connections; 4 000 of 4 000 logged exchanges have "
        "their request"
    ).replace("4 000", "4\u202f000")
    wrong = Join(2_000, 1_900, 32, 8, tuple(Mismatch(40_000 + n, n, 7) for n in range(7)))
    text = join_text([("baseline", agreed), ("candidate", wrong)])
    assert text.startswith("kernel and driver agree on 56 of 64 connections; ")
    assert "(candidate, port 40000: 0 exchanges, 7 requests; candidate, port 40001: 1 e" in text
    assert text.endswith("; and 3 more)")


def test_what_only_all_together_show_names_the_most_evidence_and_its_stage() -> None:
    metrics = tuple(
        replace(metric, verdict=Outcome.INCONCLUSIVE) for metric in RESULT.verdict.metrics
    )
    names = "response_p99[checkout], response_p50[checkout], response_p90[search]"
    fact = ReasonFact(Reason.REGRESSION_TOGETHER, names, {"evidence": 120.0, "threshold": 100.0})
    result = with_verdict(metrics=metrics, reasons=(fact,))
    assert plain(headline(result)) == (
        "slower by all metrics together, none alone shows it: most evidence is that of p99 of "
        "checkout (+31.0%), almost all of it in app; also p50 of checkout (+27.9%), p90 of search "
        "(+0.13%)"
    )
    assert plain(next_step(result)).startswith("Start with app of checkout")
