"""``junit.xml``: one test case for the gate, and one for each thing that is judged.

Metrics, limits, the highest rate, rare spikes and counts; those of a named request have a class of
their own.

In the form that Jenkins, GitLab and Azure read.  What was not decided is *skipped*: it is neither a
success nor a failure, and a viewer that counts failures must not report one that was not shown.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from socklat_gate.measured.capacity import CapacityStudy
from socklat_gate.measured.names import CAPACITY_RPS, SPIKES
from socklat_gate.measured.result import RunResult
from socklat_gate.measured.verdict import LimitVerdict, MetricVerdict, Outcome, SpikeVerdict
from socklat_gate.report.answers import answers_by_arm
from socklat_gate.report.count_rows import count_outcome
from socklat_gate.report.formats import markdown
from socklat_gate.report.report import Report
from socklat_gate.wording import units
from socklat_gate.wording.carried_text import carried_change, carried_limits
from socklat_gate.wording.change_text import is_incomplete
from socklat_gate.wording.container_metrics import value_text
from socklat_gate.wording.count_text import count_evidence_text, counts_summary
from socklat_gate.wording.limit_text import limit_interval
from socklat_gate.wording.markdown_escape import one_line
from socklat_gate.wording.metric_names import metric_phrase, request_in
from socklat_gate.wording.outcomes import metric_outcome_text
from socklat_gate.wording.sentence import plain
from socklat_gate.wording.spike_text import power_text, spikes_summary

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
    message = _line(plain(report.head.headline))
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
        yield _case(of, _line(metric.name), metric.verdict, *_metric_texts(metric))
    for limit in verdict.limits:
        of = _of_request(classname, limit.request)
        yield _case(of, _line(f"{limit.name}_limit"), limit.verdict, *_limit_texts(limit))
    if verdict.capacity is not None:
        of, texts = verdict.capacity.verdict.outcome, _capacity_texts(verdict.capacity)
        yield _case(classname, CAPACITY_RPS, of, *texts)
    if verdict.spikes is not None:
        outcome = Outcome.REGRESSION if verdict.spikes.failed else Outcome.PASS
        yield _case(classname, SPIKES, outcome, *_spike_texts(verdict.spikes))
    for count in verdict.counts:
        texts = _line(counts_summary(count)), count_evidence_text(count)
        of = _of_request(classname, request_in(count.name))
        yield _case(of, _line(count.name), count_outcome(count), *texts)


def _of_request(classname: str, request: str) -> str:
    """A class of its own for each named request, beside the one for all."""
    return f"{classname}.{_line(request)}" if request else classname


def _case(classname: str, name: str, outcome: Outcome, message: str, details: str) -> TestCase:
    case = TestCase(name, classname, 0.0)
    kind = RESULTS[outcome]
    if kind is not None:
        found = kind(message, outcome.value)
        found.text = details
        case.result = [found]
    elif details:
        case.system_out = f"{message}\n{details}"
    return case


def _metric_texts(metric: MetricVerdict) -> tuple[str, str]:
    waived = ""
    if metric.waived is not None:
        waived = f" (waived until {metric.waived.expires}: {metric.waived.link})"
    message = (
        f"{metric_phrase(metric.name)} changed by {units.change(metric.change)} (interval "
        f"{units.interval(metric.ci_low, metric.ci_high)}); tolerance "
        f"{units.change(metric.tolerance)}{waived}"
    )
    if metric.improved or is_incomplete(metric):
        message = f"{metric_outcome_text(metric).partition(' ')[2]}: {message}"
    theirs, ours = (
        value_text(value, metric.stage) for value in (metric.baseline_ns, metric.candidate_ns)
    )
    details = (
        f"baseline {theirs}, candidate {ours}\n"
        "e-value to fail / threshold "
        f"{units.beside_threshold(metric.evidence_fail, metric.threshold_fail)}, "
        f"to pass {units.beside_threshold(metric.evidence_pass, metric.threshold_pass)}\n"
        f"minimum detectable effect {units.change(metric.mde)}"
    )
    return _line(message), details


def _limit_texts(limit: LimitVerdict) -> tuple[str, str]:
    message = (
        f"{metric_phrase(limit.name)} is {value_text(limit.candidate_ns, limit.stage)} "
        f"(95% interval {limit_interval(limit)}); "
        f"limit {value_text(limit.limit_ns, limit.stage)}"
    )
    details = (
        "e-value above / threshold "
        f"{units.beside_threshold(limit.evidence_fail, limit.threshold_fail)}, "
        f"below {units.beside_threshold(limit.evidence_pass, limit.threshold_pass)}\n"
        f"runs {limit.runs}"
    )
    return _line(message), details


def _capacity_texts(study: CapacityStudy) -> tuple[str, str]:
    found, limits = study.verdict, study.limits
    waived = f" (waived until {found.waived.expires})" if found.waived else ""
    message = (
        f"{CAPACITY_RPS} changed by {carried_change(study)}; tolerance "
        f"{units.change(-limits.tolerance)}{waived}"
    )
    details = (
        f"baseline {units.per_second(found.baseline_rps)}, candidate "
        f"{units.per_second(found.candidate_rps)}\n"
        "e-value to fail / threshold "
        f"{units.beside_threshold(found.evidence_fail, found.threshold_fail)}, "
        f"to pass {units.beside_threshold(found.evidence_pass, found.threshold_pass)}\n"
        f"rounds {found.rounds}\n{carried_limits(limits)}"
    )
    return _line(message), details


def _spike_texts(spikes: SpikeVerdict) -> tuple[str, str]:
    held = units.beside_threshold(spikes.evidence, spikes.threshold)
    evidence = f"e-value against no increase / threshold: {held}"
    return _line(spikes_summary(spikes)), f"{evidence}\n{power_text(spikes)}"


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
