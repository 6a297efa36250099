"""``junit.xml``: one test case for the gate, and one for each thing that is judged.

Metrics, limits, the highest rate, rare spikes, stops, growth and counts; those of a named request
have a class of their own.

In the form that Jenkins, GitLab and Azure read.  What was not decided is *skipped*: it is neither a
success nor a failure, and a viewer that counts failures must not report one that was not shown.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from socklat_gate.measured.names import CAPACITY_RPS, GROWTH, SPIKES, STOPS
from socklat_gate.measured.result import RunResult
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.answers import answers_by_arm
from socklat_gate.report.count_rows import count_outcome
from socklat_gate.report.formats import markdown
from socklat_gate.report.formats.junit_texts import (
    capacity_texts,
    growth_texts,
    limit_texts,
    metric_texts,
    spike_texts,
    stop_texts,
)
from socklat_gate.report.report import Report
from socklat_gate.wording.count_text import count_evidence_text, counts_summary
from socklat_gate.wording.growth_text import growth_outcome
from socklat_gate.wording.markdown_escape import one_line
from socklat_gate.wording.metric_names import request_in
from socklat_gate.wording.sentence import plain
from socklat_gate.wording.watch_text import stops_outcome

__all__ = ["render"]

LONG = 600
NAME = "socklat-gate"
RESULTS: Mapping[Outcome, type[FinalResult] | None] = {
    Outcome.PASS: None,
    Outcome.REGRESSION: Failure,
    Outcome.INCONCLUSIVE: Skipped,
    Outcome.INVALID: Error,
    Outcome.NO_BASELINE: Error,
}


def render(report: Report) -> str:
    """The whole file, UTF-8 by its declaration; the gate's own case holds the markdown report."""
    result = report.result
    suite = TestSuite(NAME)
    suite.timestamp = _line(result.created)[: len("2026-01-01T00:00:00")]
    for name, value in _properties(report):
        if value:
            suite.add_property(name, _line(value))
    for case in _cases(report):
        suite.add_testcase(case)
    document = JUnitXml(NAME)
    document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    buffer = io.BytesIO()
    document.write(buffer, pretty=True)
    return buffer.getvalue().decode("utf-8")


def _cases(report: Report) -> Iterator[TestCase]:
    result = report.result
    classname = f"{NAME}.{_line(result.scenario_name)}"
    message = plain(report.head.headline)
    outcome = Outcome.PASS if isinstance(result, RunResult) else result.verdict.outcome
    why = "\n".join(f"{_line(text)} ({code})" for code, text in report.head.reasons)
    gate = _case(classname, "gate", outcome, message, why)
    gate.time = result.duration_s if math.isfinite(result.duration_s) else 0.0
    gate.system_out = markdown.render(report)
    yield gate
    if isinstance(result, RunResult):
        return
    verdict = result.verdict
    for metric in verdict.metrics:
        of = _of_request(classname, metric.request)
        yield _case(of, _line(metric.name), metric.verdict, *metric_texts(metric))
    for limit in verdict.limits:
        of = _of_request(classname, limit.request)
        yield _case(of, _line(f"{limit.name}_limit"), limit.verdict, *limit_texts(limit))
    if verdict.capacity is not None:
        of, texts = verdict.capacity.verdict.outcome, capacity_texts(verdict.capacity)
        yield _case(classname, CAPACITY_RPS, of, *texts)
    if verdict.spikes is not None:
        outcome = Outcome.REGRESSION if verdict.spikes.failed else Outcome.PASS
        yield _case(classname, SPIKES, outcome, *spike_texts(verdict.spikes))
    if verdict.stops is not None:
        of, texts = stops_outcome(verdict.stops), stop_texts(verdict.stops)
        yield _case(classname, STOPS, of, *texts)
    for grown in verdict.growth:
        of, texts = growth_outcome(grown), growth_texts(grown)
        yield _case(classname, f"{GROWTH}_{grown.what}", of, *texts)
    for count in verdict.counts:
        texts = counts_summary(count), count_evidence_text(count)
        of = _of_request(classname, request_in(count.name))
        yield _case(of, _line(count.name), count_outcome(count), *texts)


def _of_request(classname: str, request: str) -> str:
    """A class of its own for each named request, beside the one for all."""
    return f"{classname}.{_line(request)}" if request else classname


def _case(classname: str, name: str, outcome: Outcome, message: str, details: str) -> TestCase:
    case, message = TestCase(name, classname, 0.0), _line(message)
    kind = RESULTS[outcome]
    if kind is not None:
        found = kind(message, outcome.value)
        found.text = details
        case.result = [found]
    elif details:
        case.system_out = f"{message}\n{details}"
    return case


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    result = report.result
    judged = None if isinstance(result, RunResult) else result
    yield "kind", result.kind
    yield "verdict", judged.verdict.outcome.value if judged else ""
    yield "baseline", judged.baseline_image if judged else ""
    yield "candidate", result.candidate_image
    yield "commit", result.commit
    yield "seed", str(result.seed)
    yield "pairs", str(judged.verdict.pairs if judged else 0)
    for arm, answers in answers_by_arm(report.runs.arms).items():
        for name, counts in (("statuses", answers.statuses), ("errors", answers.errors)):
            texts = (f"{key or 'none'}: {count}" for key, count in counts.items())
            yield f"{arm}_{name}", ", ".join(texts)


def _line(text: str) -> str:
    """No control characters: XML 1.0 has no way to write most of them."""
    return one_line(text, LONG)
