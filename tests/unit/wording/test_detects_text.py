"""A verdict over stored numbers begins with what it can find at all, in every format."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from socklat_gate.measured.result import Comparison
from socklat_gate.measured.verdict import Verdict
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.report import report_of
from socklat_gate.verdict.stored import compare
from socklat_gate.wording.detects_text import detects_sentence
from socklat_gate.wording.sentence import plain
from socklat_gate.wording.units import change
from tests.unit.factories import make_campaign, make_result
from tests.unit.verdict.test_stored import GATE, STORED, campaign


def compared(by: float, stored: int = 6) -> Comparison:
    made = make_result("compare")
    assert isinstance(made, Comparison)
    verdict = compare(STORED[:stored], campaign(by), GATE)
    return replace(made, verdict=verdict, campaign=make_campaign())


def test_every_format_begins_with_it() -> None:
    for by in (0.0, 0.3, 1.0):
        result = compared(by)
        least = min(metric.mde for metric in result.verdict.metrics)
        begins = f"detects changes from {change(least)} on ("
        report = report_of(result)
        assert plain(report.head.headline).startswith(begins)
        first = FORMATS["markdown"].render(report).splitlines()[0]
        assert f"** - {begins}" in first
        assert begins in FORMATS["html"].render(report)
        document = json.loads(FORMATS["json"].render(report))
        assert list(document)[1] == "mde"
        assert document["mde"] == {m.name: m.mde for m in result.verdict.metrics}


def test_what_cannot_be_bounded_is_said() -> None:
    result = compared(1.0, stored=1)
    assert plain(report_of(result).head.headline).startswith("detects no change, however large: ")
    document = json.loads(FORMATS["json"].render(report_of(result)))
    assert set(document["mde"].values()) == {None}


def test_the_worst_metric_is_named_too() -> None:
    verdict = compared(0.0).verdict
    least, most, *others = sorted(verdict.metrics, key=lambda metric: metric.mde)
    wide = replace(most, mde=9.0)
    text = plain(detects_sentence(replace(verdict, metrics=(least, wide, *others))))
    assert text.endswith(f"; {wide.name} from +900% on): ")
    blind = replace(most, mde=math.inf)
    text = plain(detects_sentence(replace(verdict, metrics=(least, blind, *others))))
    assert text.endswith(f"; {blind.name}: none): ")


def test_what_was_measured_side_by_side_does_not_begin_with_it() -> None:
    made = make_result()
    verdict: Verdict = made.verdict
    assert detects_sentence(verdict) == ()
    assert detects_sentence(replace(compared(0.0).verdict, pairs=9)) == ()
    assert detects_sentence(replace(verdict, metrics=())) == ()
