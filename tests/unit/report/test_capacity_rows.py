"""The highest rate in every format."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from socklat_gate.documents.codec import from_body, to_body
from socklat_gate.measured.result import GateResult, Result
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.capacity_rows import capacity_rounds_section, capacity_section
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.formats.verdict_schema import verdict_schema
from socklat_gate.report.report import report_of
from tests.unit.factories import make_capacity, make_result, make_rounds, make_waived
from tests.unit.report.markdown_judge import tables

OUTCOMES = [Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE]


def gated(outcome: Outcome) -> Result:
    result = make_result("gate", outcome)
    return replace(result, verdict=replace(result.verdict, capacity=make_capacity(outcome)))


def test_rows_are_text() -> None:
    verdict = gated(Outcome.REGRESSION).verdict
    section = capacity_section(verdict)
    assert section is not None
    assert (section.baseline, section.candidate, section.change) == ("1,000/s", "500/s", "-50.0%")
    assert (section.zone, section.verdict) == ("-5.00% / -15.0%", "✘ regression")
    assert "99.0% of the requests get a good response within 30.0 ms" in section.limits
    rounds = capacity_rounds_section(verdict)
    assert rounds is not None
    assert len(rounds.rows) == 14
    row = rounds.rows[1]
    assert (row.first, row.baseline, row.candidate, row.change, row.steps) == (
        "candidate",
        "1,000/s",
        "500/s",
        "-50.0%",
        "4 of 12",
    )
    without = make_result().verdict
    assert capacity_section(without) is None
    assert capacity_rounds_section(without) is None


def test_a_table_of_rounds_ends() -> None:
    study = make_capacity(Outcome.PASS)
    verdict = replace(
        make_result().verdict, capacity=replace(study, rounds=make_rounds([0.0] * 50))
    )
    rounds = capacity_rounds_section(verdict)
    assert rounds is not None
    assert (len(rounds.rows), rounds.left_off) == (40, 10)


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_has_it(name: str, outcome: Outcome) -> None:
    text = FORMATS[name].render(report_of(gated(outcome)))
    shown = {
        "markdown": "Highest rate, round by round",
        "html": "Highest rate, round by round",
        "junit": 'name="capacity_rps"',
        "json": '"baseline_rps": ',
        "openmetrics": 'socklat_gate_capacity_rps{arm="candidate",scenario="checkout"} ',
    }
    shown["prometheus"] = shown["openmetrics"]
    assert shown[name] in text
    assert shown[name] not in FORMATS[name].render(report_of(make_result("gate", outcome)))


def test_junit_counts_it() -> None:
    of = {one: FORMATS["junit"].render(report_of(gated(one))) for one in OUTCOMES}
    case = '<testcase name="capacity_rps"'
    for outcome, mark in ((Outcome.REGRESSION, "<failure"), (Outcome.INCONCLUSIVE, "<skipped")):
        after = of[outcome].partition(case)[2]
        assert mark in after.partition("</testcase>")[0]
    assert "<failure" not in of[Outcome.PASS].partition(case)[2].partition("</testcase>")[0]


def test_the_verdict_fits_its_schema_and_says_what_was_judged() -> None:
    for outcome in OUTCOMES:
        document = json.loads(FORMATS["json"].render(report_of(gated(outcome))))
        jsonschema.validate(document, verdict_schema())
        found = document["capacity"]
        assert (found["name"], found["verdict"]) == ("capacity_rps", outcome.value)
        assert (found["tolerance"], found["regression_threshold"]) == (0.05, 0.15)
    jsonschema.validate(
        json.loads(FORMATS["json"].render(report_of(make_result()))), verdict_schema()
    )


def test_a_waiver_is_listed() -> None:
    study = make_capacity(Outcome.PASS)
    waived = replace(study, verdict=replace(study.verdict, waived=make_waived()))
    result = make_result("gate", Outcome.PASS)
    result = replace(result, verdict=replace(result.verdict, capacity=waived))
    markdown = FORMATS["markdown"].render(report_of(result))
    assert "`capacity_rps` is waived up to" in markdown
    assert any("-5.00% / -15.0% (waived)" in row for table in tables(markdown) for row in table)


def test_it_is_stored_with_the_result() -> None:
    result = gated(Outcome.REGRESSION)
    assert isinstance(result, GateResult)
    body = to_body(result)
    body.pop("kind", None)
    assert from_body(GateResult, body).verdict.capacity == result.verdict.capacity
