"""Whole reports as they were last looked at; ``pytest --snapshot-update`` after another look."""

from __future__ import annotations

from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation
from syrupy.types import SnapshotIndex

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Outcome
from tests.unit.factories import (
    make_answers,
    make_campaign,
    make_count_verdict,
    make_cpu_metric,
    make_pair,
    make_result,
    make_spike_verdict,
    make_waived,
    with_answers,
    with_correction,
    with_raw,
)
from tests.unit.hostile_texts import TEXTS
from tests.unit.named_results import MANY, make_named_result, make_named_run_result
from tests.unit.poisoned import full_result, poisoned
from tests.unit.report.rendered import render_markdown
from tests.unit.watches import Ages, make_growth, make_stops, watched_result


class MarkdownFile(SingleFileSnapshotExtension):
    """One file a report, so that it can be read as one."""

    _write_mode = WriteMode.TEXT
    file_extension = "md"

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:
        return str(index)


def more_spikes() -> Result:
    result = make_result()
    spikes = make_spike_verdict(failed=True, candidate=5)
    return replace(result, verdict=replace(result.verdict, metrics=(), spikes=spikes))


def more_errors() -> Result:
    result = make_result()
    counts = (make_count_verdict(failed=True), make_count_verdict("capacity"))
    verdict = replace(
        result.verdict,
        reasons=(ReasonFact(Reason.MORE_ERRORS),),
        metrics=result.verdict.metrics[:2],
        counts=counts,
    )
    return replace(result, verdict=verdict)


def waived_pass() -> Result:
    result = make_result("gate", Outcome.PASS)
    cpu = replace(make_cpu_metric(Outcome.PASS, 0.2), waived=make_waived())
    metrics = (*map(with_raw, result.verdict.metrics), cpu)
    pairs = tuple(with_correction(make_pair(index)) for index in range(3))
    return replace(result, verdict=replace(result.verdict, metrics=metrics), pairs=pairs)


def other_answers() -> Result:
    result = make_result("gate", Outcome.PASS)
    fine = make_answers(size_bytes=3000)
    other = make_answers(
        {"200": 1700, "204": 250, "503": 50}, {"bad_status": 50, "timeout": 3}, 40, 2060, 2000
    )
    return replace(result, pairs=tuple(with_answers(pair, fine, other) for pair in result.pairs))


def stops_from_the_start() -> Result:
    ages: Ages = {
        ("candidate", 0): (20.1, 40.2),
        ("candidate", 1): (20.1, 40.3),
        ("candidate", 2): (20.2,),
        ("candidate", 3): (30.0,),
        ("baseline", 3): (30.0,),
    }
    stops = replace(make_stops(failed=True, candidate=5), shared=1)
    return watched_result(Outcome.REGRESSION, stops, make_growth(failed=True), ages)


def watch_too_short() -> Result:
    waits = {"missing_s": 80.0}
    reasons = (
        ReasonFact(Reason.BUDGET_MINUTES, numbers={"pairs": 2}),
        ReasonFact(Reason.WATCH_OPEN, numbers=waits),
    )
    return watched_result(
        Outcome.INCONCLUSIVE, make_stops(missing_s=80.0), make_growth(), {}, *reasons
    )


REPORTS = {
    "regression": make_result(),
    "pass_with_a_waiver": waived_pass(),
    "inconclusive": make_result("gate", Outcome.INCONCLUSIVE),
    "invalid": make_result("gate", Outcome.INVALID),
    "no_baseline": make_result("gate", Outcome.NO_BASELINE),
    "more_spikes": more_spikes(),
    "more_stops": stops_from_the_start(),
    "watched_pass": watched_result(),
    "watch_too_short": watch_too_short(),
    "other_answers": other_answers(),
    "more_errors": more_errors(),
    "run": make_result("run"),
    "compare": replace(make_result("compare"), campaign=make_campaign()),
    "requests": make_named_result(),
    "requests_of_many": make_named_result(MANY),
    "requests_that_pass": make_named_result(MANY, Outcome.PASS),
    "run_of_requests": make_named_run_result(),
    "hostile": poisoned(full_result(), " ".join(TEXTS[:30])),
}


@pytest.mark.parametrize("name", list(REPORTS))
def test_the_report_is_the_one_that_was_looked_at(name: str, snapshot: SnapshotAssertion) -> None:
    assert render_markdown(REPORTS[name]) == snapshot(name=name, extension_class=MarkdownFile)
