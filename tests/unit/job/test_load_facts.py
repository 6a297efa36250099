from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.load_facts import with_load_facts
from socklat_gate.load.checks import Undelivered
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.run import Run
from socklat_gate.scenario import Expect, Load
from tests.unit.job.fakes import run

LOAD = Load.model_validate(
    {"driver": "command", "rate": 1000, "connections": 8, "command": {"argv": ["wrk"]}}
)
EXTERNAL = LoadCounts(0, 0, 0, 0, 0, 0, 0, 0, Histogram.empty(), external=True)


def seen(
    recorded: int,
    no_response: int = 0,
    statuses: Mapping[str, int] | None = None,
    response_ns: int = 1_000_000,
) -> Run:
    """6 s of an external load; so many exchanges under way: recorded * response / 6 s."""
    whole = run(recorded=recorded, no_response=no_response)
    times = {"service": Histogram.of(np.full(recorded, response_ns))}
    known = statuses if statuses is not None else {"200": recorded}
    return replace(whole, load=EXTERNAL, histograms=times, duration_s=6.0, statuses=known)


def facts(measured: Run) -> LoadCounts:
    return with_load_facts(LOAD, "candidate", measured, ()).load


@pytest.mark.parametrize(
    ("arm", "reason", "overloaded"),
    [
        ("candidate", Reason.LOAD_NOT_DELIVERED, True),
        ("candidate", Reason.LOAD_ERRORS, False),
        ("baseline", Reason.LOAD_NOT_DELIVERED, False),
    ],
)
def test_what_an_arm_lacks_of_its_load(arm: str, reason: Reason, overloaded: bool) -> None:
    lacks = Undelivered(arm, InvalidMeasurement(reason, "text"))
    found = with_load_facts(LOAD, "candidate", run(), [lacks])
    assert found.load.overloaded is overloaded


@pytest.mark.parametrize(
    ("recorded", "planned", "overloaded"),
    [
        (6000, 6000, False),
        (6400, 6000, False),  # 2% and chance
        (5600, 6000, False),
        (5500, 6000, True),
        (60, 6000, True),
        (6500, 0, False),  # a closed loop's own pace
        (90_000, 0, False),
    ],
)
def test_a_command_that_keeps_to_the_rate(recorded: int, planned: int, overloaded: bool) -> None:
    found = facts(seen(recorded))
    assert (found.planned, found.overloaded) == (planned, overloaded)
    assert found.sent == (recorded if planned else 0)


def test_statuses_are_those_that_the_kernel_read() -> None:
    found = facts(seen(6000, statuses={"200": 5000, "404": 600, "503": 399, "": 1})).answers
    assert found.source == "kernel"
    assert found.errors == {"bad_status": 999}
    assert sum(found.statuses.values()) == 6000
    nothing = facts(seen(6000, statuses={})).answers
    assert (nothing.statuses, nothing.errors) == ({"": 6000}, {})


def test_the_scenario_says_which_statuses_are_errors() -> None:
    statuses = {"200": 5000, "302": 600, "404": 399, "": 1}
    for expected, errors in (
        ([200], {"unexpected_status": 999}),
        ([200, 302, 404], {}),
        ([404], {"unexpected_status": 5600}),
    ):
        load = LOAD.model_copy(update={"expect": Expect(status=expected)})
        found = with_load_facts(load, "candidate", seen(6000, statuses=statuses), ())
        assert found.load.answers is not None
        assert found.load.answers.errors == errors


@pytest.mark.parametrize("statuses", [{}, {"": 6000}])
def test_statuses_that_nobody_can_read_are_not_taken_for_the_expected(
    statuses: Mapping[str, int],
) -> None:
    load = LOAD.model_copy(update={"expect": Expect(status=[200])})
    with pytest.raises(InvalidMeasurement, match="status of none of 6000") as caught:
        with_load_facts(load, "candidate", seen(6000, statuses=statuses), ())
    assert caught.value.reason is Reason.LOAD_ERRORS


@pytest.mark.parametrize(
    ("measured", "unanswered"),
    [
        # wrk with 8 connections that never wait: all 8 are cut off in the end.
        (seen(48_000, 8), 0),
        (seen(2400, 8, response_ns=20_000_000), 0),
        # The same tool, whose connections hang one after the other: none is under way for long.
        (seen(25, 8, response_ns=200_000), 6),
        (seen(4200, 1800), 1794),
        (seen(0, 40), 39),
    ],
)
def test_requests_that_a_tool_cuts_off_in_the_end_are_no_failures(
    measured: Run, unanswered: int
) -> None:
    assert facts(measured).answers.errors.get("closed", 0) == unanswered
