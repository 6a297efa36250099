"""Absolute limits in every format."""

from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.limit_rows import limits_section
from socklat_gate.report.report import report_of
from tests.unit.factories import make_limit, make_metric, make_result
from tests.unit.report.markdown_judge import tables


def limited(outcome: Outcome) -> Result:
    result = make_result("gate", outcome)
    limits = (make_limit("response_p99", outcome),)
    return replace(result, verdict=replace(result.verdict, limits=limits))


def test_rows_are_text() -> None:
    section = limits_section(limited(Outcome.PASS).verdict)
    assert section is not None
    (row,) = section.rows
    assert (row.candidate, row.interval, row.limit) == ("31.0 ms", "27.9 ms to 34.1 ms", "50.0 ms")
    assert (row.above, row.below, row.verdict) == ("1 / 800", "31 / 20", "✔ pass")
    assert limits_section(make_result().verdict) is None


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE])
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_has_the_limit(name: str, outcome: Outcome) -> None:
    text = FORMATS[name].render(report_of(limited(outcome)))
    shown = {
        "markdown": "27.9 ms to 34.1 ms",
        "html": "27.9 ms to 34.1 ms",
        "junit": 'name="response_p99_limit"',
        "json": '"limit_ns": 50000000.0',
        "openmetrics": 'socklat_gate_limit_seconds{metric="response_p99",scenario="checkout"} 0.05',
    }
    shown["prometheus"] = shown["openmetrics"]
    assert shown[name] in text
    assert shown[name] not in FORMATS[name].render(report_of(make_result("gate", outcome)))


def test_an_improvement_is_in_the_tables_and_is_no_failure() -> None:
    result = make_result("gate", Outcome.PASS)
    faster = replace(make_metric("response_p50", Outcome.PASS, -0.73), improved=True)
    report = report_of(replace(result, verdict=replace(result.verdict, metrics=(faster,))))
    markdown = FORMATS["markdown"].render(report)
    assert any("✔ improved" in cell for table in tables(markdown) for row in table for cell in row)
    assert 'class="verdict v-pass">✔ improved' in FORMATS["html"].render(report)
    assert 'socklat_gate_metric_improved{metric="response_p50",scenario="checkout"} 1.0' in FORMATS[
        "openmetrics"
    ].render(report)
    junit = FORMATS["junit"].render(report)
    assert "improved: response_p50 changed by -73.0%" in junit
    assert 'failures="0"' in junit
