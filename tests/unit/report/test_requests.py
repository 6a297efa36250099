"""Named requests in a report: which are listed, what is said of each, and what is folded away."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.verdict import JointEvidence, Outcome
from socklat_gate.report.report import report_of
from socklat_gate.report.request_ranks import MAX_LISTED, listed_requests, ranked_requests
from socklat_gate.wording.sentence import plain
from tests.unit.factories import make_count_verdict, make_limit, make_result
from tests.unit.named_results import (
    MANY,
    NAMES,
    disagreeing,
    make_named_metric,
    make_named_result,
    make_named_run_result,
    with_names,
)
from tests.unit.report.markdown_judge import column_counts
from tests.unit.report.rendered import render_markdown

RESULT = make_named_result()
REPORT = report_of(RESULT)


def ranked_of(result):
    return ranked_requests(report_of(result).runs.arms, result.verdict)


def with_verdict(result, **changes):
    return replace(result, verdict=replace(result.verdict, **changes))


def test_without_names_there_is_no_such_section() -> None:
    report = report_of(make_result())
    named = {"requests", "other_requests", "other_metrics", "handshakes"}
    assert not named & {name for name, _ in report.sections()}
    assert "| all |" not in render_markdown(make_result())


def test_few_names_are_all_listed_those_that_got_slower_first() -> None:
    assert [row.name for row in REPORT.requests.rows] == ["checkout", "browse", "search"]
    assert REPORT.other_requests is None
    assert REPORT.other_metrics is None
    assert [request for request, _ in REPORT.metrics.groups] == ["", "checkout", "browse", "search"]


def test_of_many_names_only_those_that_did_not_pass_are_listed() -> None:
    report = report_of(make_named_result(MANY))
    assert [row.name for row in report.requests.rows] == ["checkout"]
    assert len(report.other_requests.rows) == 29
    assert [request for request, _ in report.metrics.groups] == ["", "checkout"]
    assert len(report.other_metrics.rows) == 87
    assert plain(report.requests.others).startswith("29 other requests: 87 of 87 metrics pass")


def test_where_many_pass_none_is_listed_and_none_is_lost() -> None:
    report = report_of(make_named_result(MANY, Outcome.PASS))
    assert report.requests.rows == ()
    assert {row.name for row in report.other_requests.rows} == set(MANY)
    assert plain(report.requests.others).startswith("30 requests: 90 of 90 metrics pass")


def test_where_all_got_slower_the_list_still_ends() -> None:
    report = report_of(make_named_result(MANY, slow=tuple(MANY)))
    assert len(report.requests.rows) == MAX_LISTED
    assert len(report.other_requests.rows) == 30 - MAX_LISTED
    assert "20 got slower" in plain(report.requests.others)
    codes = [code for code, _ in report.head.reasons]
    assert codes == ["regression"] * 6
    assert report.head.reasons[-1][1] == "the same of 25 more, in the tables below"


def test_worse_comes_first_and_larger_changes_do() -> None:
    metrics = (
        make_named_metric("a", "response_p50", Outcome.PASS, 0.9),
        make_named_metric("b", "response_p50", Outcome.INCONCLUSIVE, 0.9),
        make_named_metric("c", "response_p50", Outcome.REGRESSION, 0.1),
        make_named_metric("d", "response_p50", Outcome.REGRESSION, 0.2),
        make_named_metric("e", "response_p50", Outcome.REGRESSION, math.nan),
        make_named_metric("e", "response_p99", Outcome.PASS, 3.0),
    )
    ranked = ranked_requests([], with_verdict(RESULT, metrics=metrics).verdict)
    assert [one.name for one in ranked] == ["d", "c", "e", "b", "a"]
    assert all(math.isnan(one.weight) for one in ranked)


@pytest.mark.parametrize("outcome", [Outcome.REGRESSION, Outcome.INCONCLUSIVE])
def test_a_limit_or_a_count_of_a_request_makes_it_worth_a_look(outcome: Outcome) -> None:
    passed = make_named_result(MANY, Outcome.PASS)
    limit = replace(make_limit("response_p99", outcome), request="v2.item-07")
    (first, *_) = ranked = ranked_of(with_verdict(passed, limits=(limit,)))
    assert (first.name, first.outcome) == ("v2.item-07", outcome)
    assert listed_requests(ranked) == {"v2.item-07"}
    failed = outcome is Outcome.REGRESSION
    count = make_count_verdict("errors[v2.item-09]", failed=failed, undecided=not failed)
    (first, *_) = ranked_of(with_verdict(passed, counts=(count,)))
    assert (first.name, first.outcome) == ("v2.item-09", outcome)


def test_few_errors_alone_make_no_pass_of_a_request() -> None:
    metrics = tuple(m for m in RESULT.verdict.metrics if m.request != "search")
    count = make_count_verdict("errors[search]", failed=False)
    rows = report_of(with_verdict(RESULT, metrics=metrics, counts=(count,))).requests.rows
    assert {row.name: row.verdict for row in rows}["search"] == "not judged"


def test_a_row_has_shares_counts_errors_and_sizes_of_both_arms() -> None:
    (checkout, browse, _) = REPORT.requests.rows
    assert (checkout.share, checkout.requests, checkout.errors) == ("5.00%", "200", "0 → 4 (2.00%)")
    assert (checkout.verdict, checkout.outcome) == ("✘ regression", "regression")
    assert (checkout.size, browse.size, browse.errors) == ("542 B", "180 B", "0")
    assert REPORT.requests.slow


def test_a_row_says_when_evidence_is_incomplete() -> None:
    (checkout, browse, _) = report_of(make_named_result(outcome=Outcome.INCONCLUSIVE)).requests.rows
    assert (checkout.verdict, browse.verdict) == ("? inconclusive", "✔ pass")
    slow = make_named_metric("checkout", "response_p99", Outcome.INCONCLUSIVE, 0.3)
    (checkout, *_) = report_of(with_verdict(RESULT, metrics=(slow,))).requests.rows
    assert checkout.verdict == "? slower, evidence incomplete"


def test_quantiles_are_those_that_were_judged() -> None:
    (checkout, *_) = REPORT.requests.rows
    metrics = [m for m in RESULT.verdict.metrics if m.request == "checkout"]
    assert [cell.change for cell in checkout.quantiles] == ["+27.9%", "+29.5%", "+31.0%"]
    assert checkout.quantiles[2].times == "2.98 ms → 3.90 ms"
    assert metrics[2].candidate_ns == pytest.approx(3.90e6, rel=1e-3)


def test_quantiles_that_were_not_judged_are_of_all_exchanges() -> None:
    metrics = tuple(m for m in RESULT.verdict.metrics if not m.request)
    rows = report_of(with_verdict(RESULT, metrics=metrics)).requests.rows
    assert [row.name for row in rows] == list(NAMES)
    assert {row.verdict for row in rows} == {"not judged"}
    assert all(cell.change.startswith(("+", "-")) for row in rows for cell in row.quantiles)
    changes = [float(cell.change.rstrip("%")) for cell in rows[2].quantiles]
    assert all(10 < change < 60 for change in changes)


def test_a_run_has_one_number_each_and_no_verdict() -> None:
    report = report_of(make_named_run_result())
    assert not report.requests.judged
    assert [row.name for row in report.requests.rows] == list(NAMES)
    assert all("→" not in cell.times for row in report.requests.rows for cell in row.quantiles)
    assert "verdict" not in render_markdown(make_named_run_result())


def test_what_the_driver_does_not_know_is_not_made_up() -> None:
    result = make_named_run_result()
    runs = tuple(replace(run, load=replace(run.load, requests={})) for run in result.campaign.runs)
    (browse, *_) = report_of(
        replace(result, campaign=replace(result.campaign, runs=runs))
    ).requests.rows
    assert (browse.requests, browse.errors, browse.size) == ("2\u202f800", "n/a", "n/a")


def test_attribution_is_of_the_request_and_of_those_that_got_slower_only() -> None:
    slices = REPORT.requests.slices
    assert {one.request for one in slices} == {"checkout"}
    assert plain(slices[2].parts) == "app +874 µs, recv_wait +36.4 µs"
    assert len(REPORT.attribution.slices) == 3
    passed = report_of(make_named_result(outcome=Outcome.PASS))
    assert passed.requests.slices == ()


def test_numbers_with_stalls_are_said_to_be_so() -> None:
    assert not REPORT.requests.raw
    (pair, *_) = RESULT.pairs
    raw = with_names(pair.candidate, corrected=False)
    report = report_of(replace(RESULT, pairs=(replace(pair, candidate=raw),)))
    assert report.requests.raw
    assert "Stalls are included" in render_markdown(report.result)


def test_handshakes_stand_apart() -> None:
    (baseline, candidate) = REPORT.handshakes.rows
    assert (baseline.arm, baseline.number, baseline.p50) == ("baseline", "64", "1.96 ms")
    assert candidate.arm == "candidate"


def test_completeness_says_where_kernel_and_driver_disagree() -> None:
    assert "agree on 128 of 128 connections" in REPORT.completeness.join
    (pair, *_) = RESULT.pairs
    wrong = replace(pair.candidate, join=disagreeing())
    text = render_markdown(replace(RESULT, pairs=(replace(pair, candidate=wrong),)))
    assert "kernel and driver agree on 62 of 64 connections" in text
    assert "(candidate, port 41234: 120 exchanges, 121 requests; candidate, port 412" in text


def test_evidence_of_all_together_is_there_and_of_the_listed_names() -> None:
    joint = JointEvidence(410.0, 100.0, (0, 2), (3.0, 410.0))
    many = with_verdict(make_named_result(MANY), together=joint)
    section = report_of(many).evidence
    assert [row.name for row in section.rows][3:] == [
        f"response_p{percent}[checkout]" for percent in (50, 90, 99)
    ]
    assert section.together == "410 / 100"
    assert not section.named
    metrics = tuple(
        replace(m, evidence_fail=200.0) if m.verdict is Outcome.REGRESSION else m
        for m in many.verdict.metrics
    )
    text = render_markdown(with_verdict(many, metrics=metrics))
    assert "All together: 410 / 100." in text
    assert "a metric is named by less evidence than it alone would need" in text


@pytest.mark.parametrize("weights", [NAMES, MANY])
@pytest.mark.parametrize("outcome", list(Outcome)[:3])
def test_every_table_is_whole(weights: dict[str, float], outcome: Outcome) -> None:
    text = render_markdown(make_named_result(weights, outcome))
    assert all(rows == {width} for width, rows in column_counts(text))


def test_other_metrics_are_not_columns_of_the_table_of_pairs() -> None:
    assert len(report_of(make_named_result(MANY)).pairs.metrics) == 6


def test_most_evidence_comes_first_where_only_all_together_show_a_regression() -> None:
    many = make_named_result(MANY)
    metrics = tuple(replace(one, verdict=Outcome.INCONCLUSIVE) for one in many.verdict.metrics)
    fact = ReasonFact(Reason.REGRESSION_TOGETHER, "response_p99[v2.item-20], response_p99")
    result = with_verdict(many, metrics=metrics, reasons=(fact,))
    assert [one.name for one in ranked_of(result)][:2] == ["v2.item-20", "checkout"]
    assert [one.request for one in report_of(result).requests.slices] == ["checkout"] * 3
