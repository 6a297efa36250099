from __future__ import annotations

from dataclasses import replace
from typing import Any

from socklat_gate.measured.calibration import (
    Calibration,
    Findings,
    Found,
    MetricFindings,
    Proposal,
    Setting,
)
from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.scenario.gating import Gate
from socklat_gate.wording.calibration_text import calibration_lines, calibration_rows
from tests.unit.factories import worded

METRIC = MetricFindings(
    name="response_p99",
    ratios=(1.0,) * 20,
    pair_sd=0.061,
    change=0.004,
    change_p=0.31,
    mde={"5": None, "15": 0.124},
)
FINDINGS = Findings(
    pairs=20,
    pair_s=9.75,
    max_pairs=40,
    jobs=10_000,
    false_alarms=12,
    false_alarm_limit=0.0019,
    decided=9_000,
    pairs_to_verdict=16.0,
    metrics=(METRIC,),
    problems=(worded("one arm is favoured"),),
)


def lines(**changes: Any) -> list[str]:
    found = replace(FINDINGS, **changes)
    study = Calibration(
        "shop", "h", "g", "2026-01-01T00:00:00+00:00", "c", "shop:2", "id", Fingerprint({}), 1, 2,
        found,
    )  # fmt: skip
    return list(calibration_lines(study, Gate()))


def test_every_metric_has_a_row_under_what_it_shows() -> None:
    study = Calibration(
        "shop", "h", "g", "2026-01-01T00:00:00+00:00", "c", "shop:2", "id", Fingerprint({}), 1, 0,
        FINDINGS,
    )  # fmt: skip
    assert calibration_rows(study) == [
        ("metric", "pair SD", "arms differ", "p", "MDE in 5 min", "MDE in 15 min"),
        ("response_p99", "6.10%", "+0.40%", "0.31", "none", "+12.4%"),
    ]


def test_the_lines_say_what_was_studied_and_what_the_rates_rest_on() -> None:
    first, rate, rests, verdict, problem = lines()
    assert first == "shop: 20 pairs of shop:2 and itself, 2 excluded, 9.8 s each"
    assert "0.12%, at most 0.19% (95%; 12 of 10000" in rate
    assert rate.endswith("of up to 40 pairs; 1% is allowed)")
    assert "20 pairs: noise in fewer than 13.9% of the pairs" in rests
    assert "within 2.6 min (16 pairs); 90.0% within the budget of 40 pairs and 10 min" in verdict
    assert verdict.endswith(", by pairs alone: a pass also waits for 2 min of watch")
    assert problem == "problem: one arm is favoured"


def test_operating_curves_are_a_line_a_metric_of_the_whole() -> None:
    curve = tuple(
        Found(change, minutes, share)
        for change, minutes, share in (
            (0.15, 1, 0.0),
            (0.15, 5, 0.426),
            (0.3, 1, 0.08),
            (0.3, 5, 0.998),
        )
    )
    named = replace(METRIC, name="response_p99[checkout]", curve=curve)
    told = lines(metrics=(METRIC, replace(METRIC, curve=curve), named), problems=())
    assert [line for line in told if "is found" in line] == [
        "response_p99 is found within 1 / 5 min: +15.0% in 0 / 43%, +30.0% in 8 / 100% of jobs"
    ]


def test_a_gate_that_seldom_decides_is_said_so() -> None:
    verdict = lines(pairs_to_verdict=None, problems=())[-1]
    assert "less than half of the jobs within 40 pairs" in verdict


def test_another_setting_is_proposed_with_what_it_changes() -> None:
    present = Setting(1000.0, 5.0, 1, 1, 1.25, 6.0)
    better = Setting(2000.0, 5.0, 2, 1, 1.0, 2.5)
    told = lines(proposal=Proposal(present, better), problems=())
    assert told[-2:] == [
        "expected: 1.2 min to a pass, 6.0 min to find a change of the regression threshold, with "
        "load.rate = 1000, gate.containers = 1",
        "proposed: 1.0 min to a pass, 2.5 min to find a change of the regression threshold, with "
        "load.rate = 2000, gate.containers = 2; study it before you rely on it",
    ]
    only = lines(proposal=Proposal(present, present), problems=())
    assert only[-1].endswith(
        "load.rate = 1000, load.duration_s = 5, gate.containers = 1, gate.pairs_per_start = 1"
    )
    endless = Setting(None, 5.0, 1, 1)
    (line,) = lines(proposal=Proposal(endless, endless), problems=())[-1:]
    assert "no end to a pass, no end to find" in line
    assert "load.rate" not in line
