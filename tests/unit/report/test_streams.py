"""Reports of connections with several streams: no stage of the kernel's is shown as measured."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.errors import Reason
from socklat_gate.job.completeness import completeness_of
from socklat_gate.job.stream_notes import not_by_kernel
from socklat_gate.measured.names import REQUEST_STAGES
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.result import GateResult, Result, RunResult
from socklat_gate.measured.run import Spike
from socklat_gate.report.formats.verdict_json import verdict_document
from socklat_gate.report.formats.verdict_schema import verdict_schema
from socklat_gate.scenario.named_gate import default_gate_of
from socklat_gate.verdict.decide import decide
from socklat_gate.wording.progress_lines import pair_line, run_line
from tests.unit.factories import make_result
from tests.unit.report.rendered import (
    render_html,
    render_junit,
    render_markdown,
    render_openmetrics,
)
from tests.unit.report.test_verdict_json import problems
from tests.unit.streams import make_stream_pair
from tests.unit.verdict.builders import campaign_of

SHARES = {"cart": 0.75, "buy": 0.25}
GATE = default_gate_of({"cart": 7500.0, "buy": 2500.0}, "client")


def made(allowed: int = 16) -> GateResult:
    pairs = [limited(make_stream_pair(i, 1.3, SHARES, 3_000_000), allowed) for i in range(10)]
    verdict = decide(pairs, GATE, budget_spent=Reason.BUDGET_PAIRS)  # type: ignore[arg-type]
    whole = make_result()
    assert isinstance(whole, GateResult)
    runs = [run for pair in pairs for run in (pair.baseline, pair.candidate)]
    return replace(
        whole,
        pairs=tuple(pairs),
        verdict=verdict,
        completeness=completeness_of(runs, 0),
        notes=(not_by_kernel(16),),
    )


def limited(pair: Pair, allowed: int) -> Pair:
    """The candidate allows fewer streams."""
    load = pair.candidate.load
    assert load.streams is not None
    streams = replace(load.streams, allowed=allowed, most=min(load.streams.most, allowed))
    return replace(pair, candidate=replace(pair.candidate, load=replace(load, streams=streams)))


RESULT = made()
WHY = "up to 16 requests share a connection (load.streams), which the kernel cannot tell apart"


def run_result() -> RunResult:
    whole = make_result("run")
    assert isinstance(whole, RunResult)
    runs = [make_stream_pair(at).baseline for at in range(2)]
    return replace(whole, campaign=campaign_of(runs), completeness=completeness_of(runs, 0))


@pytest.mark.parametrize("result", [RESULT, run_result()])
def test_stages_that_are_not_measured_are_named_with_the_reason(result: Result) -> None:
    markdown, page = render_markdown(result), render_html(result)
    for text in (markdown, page):
        assert WHY in text
        assert "client" in text
    (line,) = (one for one in markdown.splitlines() if one.startswith("Not measured: "))
    assert WHY in line
    assert all(f"`{stage}`" in line for stage in REQUEST_STAGES)
    assert "`client`" not in line
    # No row, bar or curve of one of them.
    assert "| `response` |" not in markdown
    assert "| `app` |" not in markdown
    assert '<th scope="row"><code>response</code></th>' not in page


def test_a_reason_of_the_load_is_not_given_for_other_stages() -> None:
    reason = f"`rx_process`; those of an exchange, since {WHY}: latencies are of stage client, by"
    assert f"{reason} the load driver's clock\n" in render_markdown(RESULT)


def test_the_slowest_are_by_the_drivers_clock_and_have_no_parts() -> None:
    runs = [make_stream_pair(at).baseline for at in range(2)]
    slow = Spike(2_000_000_000, {"client": 90_000_000}, "", 0)
    runs = [replace(run, spike_threshold_ns=1_000_000, spikes=(slow,)) for run in runs]
    result = replace(run_result(), campaign=campaign_of(runs))
    markdown, page = render_markdown(result), render_html(result)
    assert "| run | in the window at | client | peer | |\n|--:|--:|--:|:--|:--|\n| 0 |" in markdown
    assert '<th scope="col">client</th>' in page
    for text in (markdown, page):
        assert "most of it in" not in text


def test_the_verdict_names_them_too() -> None:
    document = json.loads(json.dumps(verdict_document(RESULT), allow_nan=False))
    assert problems(document, verdict_schema()) == []
    (note,) = document["notes"]
    assert note.startswith("not measured: response, service, recv_wait, app")
    assert WHY in note
    assert {metric["stage"] for metric in document["metrics"]} == {"client", "cpu"}
    assert document["attribution"] == []
    assert document["completeness"]["balanced"]
    buy = document["requests"]["buy"]["arms"]["candidate"]
    assert buy["response"]["p50_ns"] is None
    assert buy["client"]["p50_ns"] > 1_000_000
    assert buy["client"]["corrected"]


def test_nothing_is_said_in_the_kernels_name() -> None:
    markdown = render_markdown(RESULT)
    assert "sent by the load driver = " in markdown
    assert "overlapping requests: not known" in markdown
    assert "the kernel saw all of its connections" in markdown


def test_the_limit_in_force_is_said_of_each_arm() -> None:
    same = render_markdown(RESULT)
    assert "candidate: at most 9 of 16 requests in flight on a connection\n" in same
    lowered = made(allowed=4)
    said = "at most 4 of 4 requests in flight on a connection: the service allows no more"
    for text in (render_markdown(lowered), render_html(lowered)):
        assert f"candidate: {said}, load.streams = 16 would" in text
        assert "baseline: at most 9 of 16 requests in flight" in text


def test_names_are_shown_by_the_drivers_clock() -> None:
    markdown = render_markdown(RESULT)
    row = next(one for one in markdown.splitlines() if one.startswith("| `buy` |"))
    assert "n/a" not in row
    assert "+30" in row or "+29" in row or "+31" in row


def test_openmetrics_and_junit_have_it() -> None:
    families = list(text_string_to_metric_families(render_openmetrics(RESULT)))
    stages = {
        sample.labels["stage"]
        for family in families
        for sample in family.samples
        if "stage" in sample.labels
    }
    assert "client" in stages
    assert not stages & set(REQUEST_STAGES)
    names = {family.name for family in families}
    assert "socklat_gate_client_seconds" in names
    assert "socklat_gate_response_seconds" not in names
    assert "client_p99" in render_junit(RESULT)


@pytest.mark.parametrize("result", [RESULT, run_result()])
def test_a_result_is_kept_as_it_is(result: Result) -> None:
    body = json.loads(json.dumps(to_body(result)))
    assert to_body(result_from_body(body)) == body


def test_progress_shows_it_briefly() -> None:
    line = pair_line(3, 40, RESULT.verdict, 60.0)
    assert " p50 +" in line
    assert "client_" not in line
    assert "client p50 " in run_line(1, 2, RESULT.pairs[0].baseline, 3.0)


def test_several_load_workers_are_named_once() -> None:
    result = make_result()
    assert isinstance(result, GateResult)
    assert "load workers" not in render_markdown(result)
    pairs = tuple(
        replace(
            pair,
            baseline=replace(pair.baseline, load=replace(pair.baseline.load, workers=4)),
            candidate=replace(pair.candidate, load=replace(pair.candidate.load, workers=4)),
        )
        for pair in result.pairs
    )
    shared = replace(result, pairs=pairs)
    said = "4 load workers shared the load (load.workers)"
    assert render_markdown(shared).count(said) == 1
    assert said in render_html(shared)
