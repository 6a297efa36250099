import dataclasses
import json
import math
import re
from dataclasses import replace
from functools import lru_cache

import pytest

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.errors import Reason
from socklat_gate.measured.attribution import StageShare
from socklat_gate.measured.facts import Drift, Note, NoteCode
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Outcome, Verdict, Waived
from tests.unit.factories import (
    STAGES,
    make_campaign,
    make_cpu_metric,
    make_pair,
    make_result,
    make_spike_verdict,
    with_correction,
    worded,
    worded_reasons,
)
from tests.unit.hostile_texts import TEXTS
from tests.unit.report.markdown_judge import (
    column_counts,
    filter_hits,
    inline_tokens,
    parsed,
    tables,
)
from tests.unit.report.rendered import render_html, render_markdown

KINDS = [
    *(("gate", outcome) for outcome in Outcome),
    *(("compare", outcome) for outcome in (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)),
    ("run", Outcome.PASS),
]
ALLOWED_HTML = {"<details>", "</details>", "<summary>", "</summary>"}


def html_of(markdown: str) -> list[str]:
    tokens = [*parsed(markdown), *inline_tokens(markdown)]
    return [t.content for t in tokens if t.type in {"html_block", "html_inline"}]


def headings(markdown: str) -> list[str]:
    tokens = parsed(markdown)
    return [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open"]


def test_the_report_says_which_commit_it_was_compared_with_and_why():
    report = render_markdown(
        replace(
            make_result(),
            branch="feature",
            baseline_commit="5d5342a98ac",
            baseline_choice=Note(NoteCode.NEAREST_ANCESTOR, "main"),
        )
    )
    assert "- baseline commit: `5d5342a98ac, the merge base of 'main'`" in report
    assert "- branch: `feature`" in report
    assert "baseline commit" not in render_markdown(make_result())


@pytest.mark.parametrize(("kind", "outcome"), KINDS)
def test_every_kind_and_outcome_renders(kind, outcome):
    report = render_markdown(make_result(kind, outcome))
    first = report.splitlines()[0]
    word = "MEASURED" if kind == "run" else outcome.value.replace("_", " ").upper()
    assert f" **{word}** - " in first
    assert "**What to do next:** " in report
    assert "\n\n\n" not in report
    assert all(rows == {width} for width, rows in column_counts(report))
    assert not re.search(r"\b(?:nan|None|inf|Undefined)\b|&#", report)


def test_the_first_line_of_a_regression():
    assert render_markdown(make_result()).splitlines()[0] == (
        "✘ **REGRESSION** - `response_p99` is 31.0% slower (interval 24.0% to 39.0%), "
        "almost all of it in `app`"
    )


def test_a_gate_report_has_all_parts():
    report = render_markdown(make_result())
    assert headings(report) == [
        "Metrics",
        "Stall correction",
        "Where the time went",
        "Response time",
        "Load",
        "Completeness",
        "Environment",
    ]
    for title in ("Pairs", "Hooks", "Facts about the machine"):
        assert f"<summary>{title}</summary>" in report
    assert "13\u202f510 seen = 12\u202f000 recorded + 1\u202f500 filtered (warm-up)" in report
    assert "6 pending + 0 dropped: balanced" in report


def test_the_metrics_table():
    metrics = tables(render_markdown(make_result()))[0]
    assert metrics[0][0] == "metric"
    p99 = dict(zip(metrics[0], metrics[3], strict=True))
    assert p99["metric"] == "`response_p99`"
    assert p99["change"] == "+31.0%"
    assert p99["interval"] == "+24.0% to +39.0%"
    assert p99["tolerance / threshold"] == "+5.00% / +15.0%"
    assert p99["verdict"] == "✘ regression"


def test_the_evidence_is_folded():
    report = render_markdown(make_result())
    (table,) = [t for t in tables(report) if t[0][1] == "e-value to fail / threshold"]
    assert table[3] == ["`response_p99`", "3.2e4 / 300", "0.3 / 20", "✘ regression"]
    assert report.index("<summary>Evidence</summary>") < report.index("3.2e4 / 300")


def test_the_attribution_names_the_stage_or_says_that_it_cannot():
    report = render_markdown(make_result())
    (attribution,) = [t for t in tables(report) if t[0][0] == "slice"]
    assert len(attribution) == 1 + 3 * 2
    assert attribution[0][-2:] == ["95% interval", "share of the change"]
    assert [row[2] for row in attribution[1::2]] == ["`app`"] * 3
    assert attribution[2][-1] == "██████████ 96.0%"
    result = make_result()
    parts = tuple(replace(part, stage=None, shares=()) for part in result.verdict.attribution)
    open_result = replace(result, verdict=replace(result.verdict, attribution=parts))
    assert render_markdown(open_result).count("not attributable") == 3


def test_the_pairs_table_shows_each_change_and_why_a_pair_is_not_used():
    report = render_markdown(make_result())
    (pairs,) = [t for t in tables(report) if t[0][0] == "pair"]
    assert pairs[0][2:5] == ["`response_p50`", "`response_p90`", "`response_p99`"]
    assert [row[0] for row in pairs[1:]] == ["0", "1", "2"]
    assert pairs[2][-1] == "steal 71% is above 60%"
    assert all(cell.startswith("+") for cell in pairs[1][2:5])


def test_pairs_set_aside_do_not_enter_load_and_sketch():
    report = render_markdown(make_result())
    (load,) = [t for t in tables(report) if t[0][0] == "arm"]
    assert load[1][:3] == ["baseline", "4\u202f000", "4\u202f000"]


def test_hundreds_of_pairs_are_cut_and_said_so():
    pair = make_pair()
    result = replace(make_result(), pairs=tuple(replace(pair, index=i) for i in range(130)))
    report = render_markdown(result)
    (pairs,) = [t for t in tables(report) if t[0][0] == "pair"]
    assert len(pairs) == 101
    assert "30 more pairs are in result.json" in report


def test_an_unbalanced_count_cannot_be_overlooked():
    result = make_result()
    lost = replace(result, completeness=replace(result.completeness, seen=13_999))
    assert "**NOT balanced**" in render_markdown(lost)


def test_a_run_shows_numbers_and_no_verdict():
    report = render_markdown(make_result("run"))
    assert headings(report)[:3] == ["Stall correction", "Measured", "Response time"]
    (measured,) = [t for t in tables(report) if t[0][0] == "stage"]
    assert [row[0] for row in measured[1:]] == [f"`{stage}`" for stage in STAGES]
    assert "Metrics" not in headings(report)


def test_a_comparison_with_a_campaign_labels_it_as_the_candidate():
    result = replace(make_result("compare", Outcome.PASS), campaign=make_campaign())
    report = render_markdown(result)
    (load,) = [t for t in tables(report) if t[0][0] == "arm"]
    assert load[1][0] == "candidate"
    assert "p50   candidate" in report


def test_an_external_load_shows_no_counts_it_does_not_have():
    pair = make_pair()
    load = replace(pair.baseline.load, external=True, planned=0, sent=0)
    pair = replace(pair, baseline=replace(pair.baseline, load=load))
    result = make_result()
    done = replace(result.completeness, responded_by_driver=None)
    report = render_markdown(replace(result, pairs=(pair,), completeness=done))
    (table,) = [t for t in tables(report) if t[0][0] == "arm"]
    assert table[1][1:3] == ["external", "external"]
    assert "not counted by the load command" in report


def test_a_verdict_without_any_number_still_renders():
    result = make_result("gate", Outcome.INCONCLUSIVE)
    floats = [f.name for f in dataclasses.fields(result.verdict.metrics[0]) if f.type == "float"]
    unknown = dict.fromkeys((n for n in floats if n != "quantile"), math.nan)
    metrics = tuple(replace(metric, **unknown) for metric in result.verdict.metrics)
    parts = tuple(
        replace(
            part,
            delta_ns=math.nan,
            shares=tuple(
                replace(s, baseline_ns=math.nan, candidate_ns=math.nan, share=math.nan)
                for s in part.shares
            ),
        )
        for part in result.verdict.attribution
    )
    empty = Histogram.empty()
    pair = make_pair()
    run = replace(
        pair.baseline,
        histograms={"service": empty},
        load=replace(pair.baseline.load, client=empty),
    )
    verdict = replace(result.verdict, metrics=metrics, attribution=parts, pairs=0)
    pairs = (replace(pair, baseline=run, candidate=run),)
    report = render_markdown(replace(result, verdict=verdict, pairs=pairs))
    assert not re.search(r"\b(?:nan|None|inf)\b", report)
    assert report.count("n/a") > 20
    assert "Response time" not in headings(report)


def test_only_set_aside_pairs_still_render():
    result = make_result("gate", Outcome.INVALID)
    pairs = (make_pair(0, excluded="noisy"),)
    assert "1 excluded" in render_markdown(replace(result, pairs=pairs))


def hostile_result(text: str) -> Result:
    """Every text that comes from outside replaced."""
    result = make_result()
    pair = make_pair(0, 1.2, excluded=text)
    run = replace(pair.baseline, image=text, load=replace(pair.baseline.load, first_error=text))
    verdict = Verdict(
        Outcome.REGRESSION,
        worded_reasons((Reason.REGRESSION, text)),
        tuple(
            replace(m, name=text, stage=text, waived=Waived(0.3, text, text))
            for m in (*result.verdict.metrics, make_cpu_metric(Outcome.PASS))
        ),
        tuple(
            replace(
                part,
                slice=text,
                stage=text,
                shares=tuple(replace(share, stage=text) for share in part.shares),
                depend=StageShare(text, 1.0, 2.0, 0.5),
            )
            for part in result.verdict.attribution
        ),
        2,
        spikes=replace(make_spike_verdict(), notes=(worded(text),), waived=Waived(0.3, text, text)),
    )
    named = {text: text}
    return dataclasses.replace(
        result,
        scenario_name=text,
        created=text,
        commit=text,
        baseline_image=text,
        candidate_image=text,
        fingerprint=replace(result.fingerprint, must_match=named, facts=named),
        hooks=named,
        environment=named,
        drift=Drift(0, 0, text=text),
        calibration=worded(text),
        pairs=(with_correction(replace(pair, baseline=run)),),
        verdict=verdict,
    )


@lru_cache(maxsize=1)
def expected_shape() -> tuple[int, list[str]]:
    """Pieces of HTML and types of the blocks of a report whose texts are harmless."""
    reference = render_markdown(hostile_result("word"))
    return len(html_of(reference)), [t.type for t in parsed(reference)]


@pytest.mark.parametrize("text", TEXTS)
def test_text_from_outside_changes_nothing_but_itself(text):
    report = render_markdown(hostile_result(text))
    html_blocks, structure = expected_shape()
    kinds = {t.type for t in inline_tokens(report)}
    assert not kinds & {"link_open", "image", "em_open", "s_open"}
    assert all(set(part.split()) & ALLOWED_HTML for part in html_of(report))
    assert len(html_of(report)) == html_blocks
    assert filter_hits(report) == []
    assert all(rows == {width} for width, rows in column_counts(report))
    if text.strip():
        assert [t.type for t in parsed(report)] == structure
    report.encode("utf-8")


@pytest.mark.parametrize("outcome", [Outcome.INVALID, Outcome.NO_BASELINE, Outcome.INCONCLUSIVE])
@pytest.mark.parametrize("text", TEXTS[:30])
def test_hostile_reasons_stay_text_in_the_headline(outcome, text):
    verdict = Verdict(outcome, worded_reasons((Reason.SERVICE_DIED, text)))
    report = render_markdown(replace(make_result("gate", outcome), verdict=verdict))
    assert not {t.type for t in inline_tokens(report)} & {"link_open", "image", "html_inline"}
    assert filter_hits(report) == []


def test_a_result_that_was_stored_renders_the_same():
    for kind in ("gate", "run", "compare"):
        result = make_result(kind)
        stored = result_from_body(json.loads(json.dumps(to_body(result))))
        assert render_markdown(stored) == render_markdown(result)


def test_too_few_pairs_for_any_interval_are_said_where_no_stage_is_named():
    result = make_result()
    assert result.verdict is not None
    said = "No stage is named, because an interval takes at least 5 pairs of containers"
    assert said not in render_markdown(result)
    parts = tuple(
        replace(
            part,
            stage=None,
            shares=tuple(replace(one, low_ns=-math.inf, high_ns=math.inf) for one in part.shares),
        )
        for part in result.verdict.attribution
    )
    few = replace(result, verdict=replace(result.verdict, attribution=parts))
    assert said in render_markdown(few)
    assert said in render_html(few)
