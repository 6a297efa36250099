"""Start-up time and peak memory in every format: MiB is MiB, and never a time."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.json_schema import result_schema
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.measured.result import GateResult, Result, RunResult
from socklat_gate.measured.verdict import LimitVerdict, MetricVerdict, Outcome
from socklat_gate.report.container_rows import containers_section
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.formats.verdict_json import verdict_document
from socklat_gate.report.formats.verdict_schema import verdict_schema
from socklat_gate.report.report import report_of
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.progress_lines import pair_line
from socklat_gate.wording.sentence import plain
from tests.unit.factories import (
    make_limit,
    make_memory_limit,
    make_memory_metric,
    make_result,
    make_startup_metric,
)
from tests.unit.report.markdown_judge import tables
from tests.unit.report.rendered import render_html, render_junit, render_markdown
from tests.unit.report.test_verdict_json import problems

MIB = 1 << 20


def with_numbers(result: GateResult) -> GateResult:
    """Starts of 500 and 800 ms, 100 and 150 MiB, a little more from pair to pair."""
    pairs = []
    for at, pair in enumerate(result.pairs):
        runs = {
            arm: replace(run, startup_ns=ms * 1_000_000 + at, peak_memory_bytes=mib * MIB)
            for arm, run, ms, mib in (
                ("baseline", pair.baseline, 500, 100),
                ("candidate", pair.candidate, 800, 150),
            )
        }
        pairs.append(replace(pair, **runs))
    return replace(result, pairs=tuple(pairs))


def judged(
    outcome: Outcome, *metrics: MetricVerdict, limits: tuple[LimitVerdict, ...] = ()
) -> Result:
    result = with_numbers(make_result("gate", outcome))
    return replace(result, verdict=replace(result.verdict, metrics=metrics, limits=limits))


def everything() -> Result:
    return judged(
        Outcome.REGRESSION,
        make_startup_metric(Outcome.REGRESSION, 0.6),
        make_memory_metric(Outcome.REGRESSION, 0.5),
        limits=(make_limit("response_p99", Outcome.PASS), make_memory_limit(Outcome.REGRESSION)),
    )


def test_they_are_shown_in_every_job_and_judged_in_none_that_does_not_ask() -> None:
    result = with_numbers(make_result("gate", Outcome.PASS))
    report = report_of(result)
    section = containers_section(report.runs)
    assert section is not None
    rows = [(row.name, *row.numbers, row.change) for row in section.rows]
    assert rows == [
        ("start-up", "500 ms", "800 ms", "+60.0%"),
        ("peak memory", "100 MiB", "150 MiB", "+50.0%"),
    ]
    shown = [row for table in tables(FORMATS["markdown"].render(report)) for row in table]
    assert ["peak memory", "100 MiB", "150 MiB", "+50.0%"] in shown
    notes = [note for note in report.head.notes if note.startswith("not judged")]
    # 0.3 s more at the start are no news, 50 MiB are.
    assert [note.partition(" (")[0] for note in notes] == [
        "not judged: peak memory +50.0%, 100 MiB in the baseline and 150 MiB in the candidate"
    ]
    asked = judged(Outcome.PASS, make_memory_metric(Outcome.PASS, 0.5))
    assert not [note for note in report_of(asked).head.notes if note.startswith("not judged")]
    html = FORMATS["html"].render(report)
    assert '<th scope="row">peak memory</th><td class="n">100 MiB</td>' in html
    text = FORMATS["openmetrics"].render(report)
    assert 'socklat_gate_startup_seconds{arm="candidate",scenario="checkout"} 0.8' in text
    assert 'socklat_gate_peak_memory_bytes{arm="baseline",scenario="checkout"} 1.048576e+08' in text
    startup, memory = verdict_document(result)["container_metrics"]
    assert startup["arms"]["baseline"] == {"ns": pytest.approx(5e8)}
    assert (memory["name"], memory["unit"], memory["change"]) == ("peak_memory", "bytes", 0.5)
    assert memory["arms"]["candidate"] == {"bytes": 150 * MIB}
    assert not {m["name"] for m in verdict_document(result)["metrics"]} & {"startup", "peak_memory"}


def test_nothing_is_shown_of_what_nobody_measured() -> None:
    report = report_of(make_result("gate", Outcome.PASS))
    assert report.containers is None
    assert verdict_document(make_result())["container_metrics"] == []
    assert "start-up" not in FORMATS["markdown"].render(report)


def test_a_run_alone_has_one_column_and_no_change() -> None:
    result = make_result("run")
    assert isinstance(result, RunResult)
    runs = tuple(replace(run, startup_ns=2_000_000_000) for run in result.campaign.runs)
    report = report_of(replace(result, campaign=replace(result.campaign, runs=runs)))
    section = report.containers
    assert section is not None
    assert [(row.name, row.numbers) for row in section.rows] == [("start-up", ("2.00 s",))]
    assert not section.paired
    assert "| start-up | 2.00 s |\n" in FORMATS["markdown"].render(report)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_memory_is_never_shown_as_a_time(name: str) -> None:
    """100 MiB are 105 ms if they are taken for nanoseconds, and 158 ms the candidate's."""
    text = FORMATS[name].render(report_of(everything()))
    assert not re.search(r"\b10[45](\.\d+)? ?ms|\b15[78](\.\d+)? ?ms|\b0?\.1048|\b0?\.1572", text)
    shown = {
        "markdown": ("100 MiB", "150 MiB", "500 ms"),
        "html": ("100 MiB", "150 MiB", "500 ms"),
        "junit": ("baseline 100 MiB, candidate 150 MiB", "peak_memory is 150 MiB", "limit 120 MiB"),
        "json": ('"baseline_bytes": 104857600', '"limit_bytes": 125829120'),
        "openmetrics": (
            'socklat_gate_metric_baseline_bytes{metric="peak_memory",scenario="checkout"} 1.04857',
            'socklat_gate_metric_baseline_seconds{metric="startup",scenario="checkout"} 0.5',
            'socklat_gate_limit_bytes{metric="peak_memory",scenario="checkout"} 1.2582912e+08',
            'socklat_gate_limit_seconds{metric="response_p99",scenario="checkout"} 0.05',
        ),
    }
    shown["prometheus"] = shown["openmetrics"]
    for part in shown[name]:
        assert part in text


def test_json_has_bytes_under_their_own_names_and_follows_the_schemas() -> None:
    result = everything()
    document = json.loads(json.dumps(verdict_document(result), allow_nan=False))
    assert problems(document, verdict_schema()) == []
    startup, memory = document["metrics"]
    assert (startup["unit"], startup["baseline_ns"]) == ("ns", 5e8)
    assert "baseline_bytes" not in startup
    assert (memory["unit"], memory["baseline_ns"], memory["candidate_ns"]) == ("bytes", None, None)
    assert (memory["baseline_bytes"], memory["candidate_bytes"]) == (100 * MIB, 150 * MIB)
    limit = document["limits"][1]
    assert (limit["limit_ns"], limit["ci_low_ns"]) == (None, None)
    assert limit["limit_bytes"] == 120 * MIB
    body = json.loads(json.dumps(to_body(result), allow_nan=False))
    whole = result_schema()
    assert problems(body, whole["properties"]["body"], "$.body", whole) == []
    assert verdict_document(result_from_body(body)) == document


def test_words() -> None:
    longer = judged(Outcome.REGRESSION, make_startup_metric(Outcome.REGRESSION, 0.6))
    assert plain(headline(longer)).startswith("Start-up time (startup) is 60.0% longer")
    assert "does more before it answers service.ready" in plain(next_step(longer))
    more = judged(Outcome.REGRESSION, make_memory_metric(Outcome.REGRESSION, 0.5))
    assert plain(headline(more)).startswith("Peak memory (peak_memory) is 50.0% higher")
    assert "heap profiles" in plain(next_step(more))
    html, markdown = render_html(more), render_markdown(more)
    assert "<code>peak_memory</code> is the most memory that the container held" in html
    assert "`peak_memory` is the most memory that the container held" in markdown
    above = judged(Outcome.REGRESSION, limits=(make_memory_limit(Outcome.REGRESSION),))
    assert "150 MiB" in render_junit(above)
    within = judged(
        Outcome.PASS,
        make_startup_metric(Outcome.PASS),
        limits=(make_memory_limit(Outcome.PASS, 100 * MIB),),
    )
    assert "peak_memory 100 MiB of 120 MiB" in plain(headline(within))


def test_a_line_of_progress() -> None:
    result = everything()
    line = pair_line(3, 40, result.verdict, 60.0)
    assert "startup +60.0% LONGER" in line
    assert "memory +50.0% MORE" in line
    assert "peak_memory 150 MiB of 120 MiB ABOVE" in line
