from __future__ import annotations

import json
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import ERROR_KINDS
from socklat_gate.report.answers import MAX_STATUSES, answers_section
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.report import report_of
from socklat_gate.wording.answer_texts import kind_text
from tests.unit.factories import make_answers, make_result, make_run, with_answers
from tests.unit.report.rendered import render_markdown

ONE = make_answers()
OTHER = make_answers({"200": 1900, "302": 90, "500": 10}, {"bad_status": 10, "timeout": 3}, 3000)


def arms_of(*arms):
    return [
        (name, [replace(run, load=replace(run.load, answers=answers)) for answers in found])
        for name, found in zip(("baseline", "candidate"), arms, strict=False)
        for run in [make_run()]
    ]


def rows_of(*arms):
    section = answers_section(arms_of(*arms))
    return {row.name: tuple(row.numbers) for row in section.rows}


def result_with(baseline, candidate):
    result = make_result()
    pairs = tuple(with_answers(pair, baseline, candidate) for pair in result.pairs)
    return replace(result, pairs=pairs)


def test_both_arms_stand_side_by_side_summed_over_their_runs():
    rows = rows_of([ONE, ONE], [OTHER, OTHER])
    assert rows == {
        "status 200": ("4\u202f000 (100%)", "3\u202f800 (95.0%)"),
        "status 302": ("0", "180 (4.50%)"),
        "status 500": ("0", "20 (0.50%)"),
        "failed requests": ("0", "26"),
        "of these: no response in time": ("0", "6"),
        "of these: error status": ("0", "20"),
        "size p50": ("180 B", "3.00 kB"),
        "size p99": ("180 B", "3.01 kB"),
        "largest": ("180 B", "3.01 kB"),
        "connections opened": ("64", "64"),
        "of these ended by the service": ("0", "0"),
    }


def test_what_no_arm_knows_has_no_section_and_what_one_does_not_know_is_left_out():
    assert answers_section(arms_of([None], [None])) is None
    assert answers_section(arms_of([None], [ONE])).arms == ("candidate",)
    assert report_of(make_result()).answers is None


def test_a_protocol_without_statuses():
    rows = rows_of([make_answers({"": 1990, "-": 10}, {"bad_status": 10})])
    assert rows["responses"] == ("1\u202f990 (99.5%)",)
    assert rows["error replies"] == ("10 (0.50%)",)


def test_long_lists_of_statuses_are_shortened():
    many = {str(200 + number): 100 - number for number in range(40)}
    rows = rows_of([make_answers(many)])
    assert sum(name.startswith("status ") for name in rows) == MAX_STATUSES
    rest = sum(list(many.values())[MAX_STATUSES:])
    assert rows["28 other statuses"][0].startswith(f"{rest // 1000}\u202f{rest % 1000:03d} (")


def test_statuses_that_the_probe_counted_have_their_source_and_no_sizes():
    seen = replace(ONE, sizes=Histogram.empty(), opened=0, source="kernel")
    rows = rows_of([seen])
    assert rows["counted by"] == ("the probe",)
    assert "size p50" not in rows
    assert "connections opened" not in rows


@pytest.mark.parametrize("kind", ERROR_KINDS)
def test_every_kind_of_failure_has_words(kind):
    assert rows_of([make_answers(errors={kind: 7})])[kind_text(kind)] == ("7",)


@pytest.mark.parametrize(
    ("baseline", "candidate", "said"),
    [
        (0, 2000, "the candidate's service ended 2\u202f000 connections that"),
        (2000, 0, "the baseline's service ended 2\u202f000 connections that"),
        (20, 60, "0.03 a request; the baseline's 20: keep-alive differs"),
        (20, 40, ""),  # twice as many
        (0, 19, ""),  # less than 1 in 100 requests
        (2000, 2000, ""),
    ],
)
def test_connections_that_only_one_arm_loses_are_said_in_the_first_lines(baseline, candidate, said):
    result = result_with(make_answers(lost=baseline), make_answers(lost=candidate))
    notes = report_of(result).head.notes
    # Three pairs, one of them excluded.
    said = said.replace("2\u202f000", "4\u202f000").replace(" 20:", " 40:")
    assert any(said in note for note in notes) == bool(said)
    assert ("keep-alive differs." in render_markdown(result)) == bool(said)


def test_every_format_has_the_numbers():
    report = report_of(result_with(ONE, OTHER))
    texts = {name: form.render(report) for name, form in FORMATS.items()}
    assert "| status 302 | 0 | 180 (4.50%) |" in texts["markdown"]
    assert '<th scope="row">status 302</th><td class="n">0</td>' in texts["html"]
    assert 'name="candidate_statuses" value="200: 3800, 302: 180, 500: 20"' in texts["junit"]
    assert 'name="candidate_errors" value="bad_status: 20, timeout: 6"' in texts["junit"]
    one, other = json.loads(texts["json"])["answers"]
    assert (one["arm"], one["errors"], one["source"]) == ("baseline", {}, "driver")
    assert other["statuses"] == {"200": 3800, "302": 180, "500": 20}
    assert (other["connections_opened"], other["connections_lost"]) == (64, 0)
    assert other["size_p50_bytes"] == pytest.approx(3000, rel=0.008)
    families = text_string_to_metric_families(texts["openmetrics"])
    samples = {
        (sample.name, *sorted(v for k, v in sample.labels.items() if k != "scenario")): sample.value
        for family in families
        for sample in family.samples
    }
    assert samples["socklat_gate_answers", "302", "candidate"] == 180
    assert samples["socklat_gate_answer_errors", "candidate", "timeout"] == 6
    assert samples["socklat_gate_answer_size_bytes", "0.5", "baseline"] == 180
    assert samples["socklat_gate_connections", "candidate", "opened"] == 64


def test_sizes_that_are_not_known_are_null():
    unsized = replace(ONE, sizes=Histogram.empty())
    document = json.loads(FORMATS["json"].render(report_of(result_with(unsized, unsized))))
    assert document["answers"][0]["size_p50_bytes"] is None


NEW, OLD = "TLSv1.3 TLS_AES_256_GCM_SHA384", "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256"


def with_tls(**tls):
    return replace(ONE, tls={"new": {NEW: 16}, "old": {OLD: 16}}[tls["version"]])


def test_what_tls_was_negotiated_is_told_by_arm_and_a_difference_is_a_note():
    new, old = with_tls(version="new"), with_tls(version="old")
    rows = rows_of([new, new], [old])
    assert rows[f"with {NEW}"] == ("32", "0")
    assert rows[f"with {OLD}"] == ("0", "16")
    report = report_of(result_with(new, old))
    assert any(OLD in note and NEW in note for note in report.head.notes)
    assert OLD in report.answers.note
    for name in ("markdown", "html", "json"):
        assert OLD in FORMATS[name].render(report)
    alike = report_of(result_with(new, replace(new, tls={NEW: 160})))
    assert alike.answers.note == ""
    assert not any("TLS" in note for note in alike.head.notes)


def test_how_long_a_setup_took_is_told_by_arm():
    def arm(*times_ns):
        loads = [replace(make_run().load, answers=ONE, setup_ns={"login": ns}) for ns in times_ns]
        return [replace(make_run(), load=load) for load in loads]

    section = answers_section([("baseline", arm(3e6, 9e6, 4e6)), ("candidate", arm(40e6))])
    rows = {row.name: row.numbers for row in section.rows}
    assert rows["setup login, median"] == ("4.00 ms", "40.0 ms")
