from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.checks import (
    Undelivered,
    check_failing,
    find_failing_command,
    find_undelivered,
)
from socklat_gate.load.checks import check_delivered as check_found
from socklat_gate.load.request_counts import counts_of
from socklat_gate.load.request_log import EXPIRED, RESPONDED, Record
from socklat_gate.load.schedule import make_schedule
from socklat_gate.load.worker_json import counts_from_json, counts_to_json
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import LoadCounts, StreamCounts
from socklat_gate.measured.pair import ARMS
from socklat_gate.scenario import Load
from tests.unit.factories import make_answers

LOAD = Load(payload="x", rate=1000.0, connections=32, max_errors=0.001)
GOOD = LoadCounts(
    planned=8000,
    sent=8000,
    starved=0,
    responded=8000,
    errors=0,
    responded_total=9000,
    late_p99_ns=200_000,
    lag_p99_ns=250_000,
    client=Histogram.of([1_000_000] * 8000),
)


def but(**changes):
    return dataclasses.replace(GOOD, **changes)


def check_delivered(load, counts, arms) -> tuple[Undelivered, ...]:
    found = find_undelivered(load, counts, arms)
    check_found(found, arms)
    return found


BAD = [
    ({"sent": 7919}, Reason.LOAD_NOT_DELIVERED),
    ({"lag_p99_ns": 100_100_000, "starved": 90}, Reason.LOAD_NOT_DELIVERED),
    ({"errors": 20}, Reason.LOAD_ERRORS),
    ({"responded": 0, "responded_total": 0, "errors": 8000}, Reason.LOAD_REFUSED),
]


def test_a_delivered_load_passes():
    assert check_delivered(LOAD, [GOOD, GOOD], ARMS) == ()


@pytest.mark.parametrize(("changes", "reason"), BAD)
@pytest.mark.parametrize("arms", [("single",), ARMS])
def test_what_every_arm_lacks_is_no_measurement(changes, reason, arms):
    with pytest.raises(InvalidMeasurement, match=arms[0]) as caught:
        check_delivered(LOAD, [but(**changes)] * len(arms), arms)
    assert caught.value.reason is reason
    assert caught.value.remedy


@pytest.mark.parametrize(("changes", "reason"), BAD)
@pytest.mark.parametrize("at", [0, 1])
def test_what_one_arm_of_two_lacks_is_what_a_comparison_is_for(changes, reason, at):
    counts = [GOOD, GOOD]
    counts[at] = but(**changes)
    found = check_delivered(LOAD, counts, ARMS)
    assert reason in {one.error.reason for one in found}
    assert {one.arm for one in found} == {ARMS[at]}


@pytest.mark.parametrize(
    ("errors", "planned", "max_errors", "refused"),
    [
        (1, 919, 0.001, False),  # the share is above, and it is one request
        (5, 919, 0.001, False),  # P(X >= 5) = 0.0025
        (6, 919, 0.001, True),  # P(X >= 6) = 0.0004
        (1, 8000, 0.0, True),
        (50, 919, 0.05, False),
        (80, 919, 0.05, True),
        (919, 919, 1.0, False),
    ],
)
def test_a_share_of_errors_has_to_be_shown_to_be_too_large(errors, planned, max_errors, refused):
    load = LOAD.model_copy(update={"max_errors": max_errors})
    count = but(errors=errors, planned=planned, sent=planned)
    if not refused:
        check_delivered(load, [count], ["single"])
        return
    with pytest.raises(InvalidMeasurement, match=f"{errors} of {planned} requests failed"):
        check_delivered(load, [count], ["single"])


@pytest.mark.parametrize(
    "changes",
    [
        {"sent": 7920},
        {"starved": 800, "lag_p99_ns": 100_000_000},
        {"errors": 8},
        # late because the driver was: the pair will be excluded for that
        {"lag_p99_ns": 130_000_000, "late_p99_ns": 130_000_000},
    ],
)
def test_the_bounds_themselves_are_allowed(changes):
    check_delivered(LOAD, [but(**changes)], ["single"])


def test_errors_come_with_the_first_of_them():
    with pytest.raises(InvalidMeasurement, match=r"100 of 8000 .*1\.25%.* HTTP status 503"):
        check_delivered(LOAD, [but(errors=100, first_error="HTTP status 503")], ["single"])


def test_errors_are_named_before_the_undelivered_load_that_they_cause():
    with pytest.raises(InvalidMeasurement) as caught:
        check_delivered(LOAD, [but(errors=100, starved=5000)], ["single"])
    assert caught.value.reason is Reason.LOAD_ERRORS


@pytest.mark.parametrize(
    ("options", "wait_ms", "remedy"),
    [
        # 1.25 * 1000/s * the longest wait, one bucket up
        ({}, 300, "set load.connections to 378 so that they are there from the start"),
        ({"max_connections": 40}, 300, "set load.max_connections to 378"),
        ({}, 1500, "set load.max_connections to 1877"),
        ({}, 9000, "if the service allows more"),
        ({}, 20, "if the service allows more"),
    ],
)
def test_the_remedy_for_starvation_names_enough_connections(options, wait_ms, remedy):
    client = Histogram.of([wait_ms * 1_000_000] * 10)
    sent = GOOD.planned * 98 // 100
    stalled = but(sent=sent, starved=300, lag_p99_ns=250_000_000, client=client, grown=8)
    with pytest.raises(InvalidMeasurement, match="of 32 and 8 opened on top") as caught:
        check_delivered(LOAD.model_copy(update=options), [stalled], ["single"])
    assert remedy in (caught.value.remedy or "")


def test_waiting_is_the_services_doing_once_the_pool_has_grown():
    check_delivered(LOAD, [but(starved=300, lag_p99_ns=250_000_000, grown=8)], ["single"])
    with pytest.raises(InvalidMeasurement):
        check_delivered(LOAD, [but(starved=300, lag_p99_ns=250_000_000)], ["single"])


def test_with_streams_what_requests_waited_is_judged_and_no_reason_to_stop():
    streams = StreamCounts(asked=16, allowed=4, most=4)
    waited = but(starved=300, lag_p99_ns=250_000_000, streams=streams)
    assert check_delivered(LOAD, [waited], ["single"]) == ()
    client = Histogram.of([300 * 1_000_000] * 10)
    unsent = but(sent=7800, starved=300, client=client, streams=streams)
    with pytest.raises(InvalidMeasurement, match="no stream was free, of 32 connections") as caught:
        check_delivered(LOAD.model_copy(update={"streams": 16}), [unsent], ["single"])
    # 378 at once on streams of 4: 95 connections.
    assert "set load.max_connections to 95" in (caught.value.remedy or "")


def test_an_external_load_is_not_judged():
    external = LoadCounts(0, 0, 0, 0, 0, 0, 0, 0, Histogram.empty(), external=True)
    check_delivered(LOAD, [external, external], ARMS)


def test_counts_survive_the_wire():
    answers = make_answers({"200": 3, "404": 1}, {"bad_status": 1}, lost=2)
    counts = but(
        client=Histogram.of([1, 5, 5, 10**9]), first_error="a\nb", grown=3, answers=answers
    )
    assert counts_from_json(json.loads(json.dumps(counts_to_json(counts)))) == counts
    assert counts_from_json(counts_to_json(GOOD)) == GOOD
    several = but(streams=StreamCounts(16, 4, 3))
    assert counts_from_json(json.loads(json.dumps(counts_to_json(several)))) == several


def test_record_counts_the_window_and_the_total_apart():
    load = Load(payload="x", rate=10.0, arrivals="constant", warmup_s=1.0, duration_s=2.0)
    record = Record(make_schedule(load, 1, 1), 1)
    record.begin(1_000)
    for request in range(30):
        record.woke_ns[request] = record.due_ns[request] + 10
        record.sent_ns[request] = record.due_ns[request] + 20
        record.response(request, record.due_ns[request] + 1000 + request, 200, 100 + request)
    record.response(12, record.due_ns[12] + 500, 503, 7)
    record.rejection(12, "bad_status", "rejected")
    record.failure(13, "reset", "lost")
    record.failure(3, "timeout", "in the warm-up")
    record.starved[14] = 1
    record.expiry(14, refused=True)
    assert record.state[14] == EXPIRED
    record.opened[0], record.lost[0] = 4, 1
    assert record.state[15] == RESPONDED
    counts = counts_of(record, 0)
    assert (counts.planned, counts.sent, counts.starved) == (20, 19, 1)
    assert (counts.responded, counts.errors, counts.responded_total) == (18, 3, 27)
    assert (counts.late_p99_ns, counts.lag_p99_ns) == (10, 20)
    assert counts.client.total == counts.responded
    assert counts.client == Histogram.of(
        [500, *(1000 + request for request in range(10, 30) if request not in (12, 13, 14))]
    )
    assert counts.first_error == "rejected"
    assert counts.rejected == Histogram.of([500])
    answers = counts.answers
    assert answers.statuses == {"200": 17, "503": 1}
    assert answers.errors == {"refused": 1, "reset": 1, "bad_status": 1}
    assert (answers.opened, answers.lost, answers.source) == (4, 1, "driver")
    sizes = [7, *(100 + request for request in range(10, 30) if request not in (12, 13, 14))]
    assert answers.sizes == Histogram.of(sizes)


def test_record_counts_a_response_too_many_as_an_error():
    record = Record(make_schedule(LOAD, 2, 1), 2)
    record.stray(1, "too much")
    assert [counts_of(record, arm).errors for arm in (0, 1)] == [0, 1]
    assert [counts_of(record, arm).answers.errors for arm in (0, 1)] == [{}, {"protocol": 1}]
    assert np.sum(counts_of(record, 0).client.counts) == 0


EXTERNAL = dataclasses.replace(
    GOOD, planned=0, sent=0, responded=0, responded_total=0, external=True
)


def told(statuses, **errors):
    answers = make_answers(statuses=statuses, errors=errors)
    return dataclasses.replace(EXTERNAL, answers=answers)


@pytest.mark.parametrize(
    ("counts", "failing"),
    [
        (told({"200": 8000}), False),
        (told({"200": 7995, "500": 5}, bad_status=5), False),  # within load.max_errors
        (told({"404": 8000}, bad_status=8000), True),
        (told({"200": 7900}, closed=100), True),
        (told({"": 8000}, closed=100), False),  # the tool's own words of goodbye, perhaps
        (told({}), False),
        (EXTERNAL, False),
    ],
)
def test_a_command_whose_requests_fail_in_every_arm_is_no_measurement(counts, failing):
    found = find_failing_command(LOAD, [counts] * 2, ARMS)
    assert [one.error.reason for one in found] == [Reason.LOAD_ERRORS] * 2 * failing
    if failing:
        with pytest.raises(
            InvalidMeasurement, match=r"baseline: .* requests failed .*; statuses: "
        ):
            check_found(found, ARMS)
    alone = find_failing_command(LOAD, [told({"200": 8000}), counts], ARMS)
    check_found(alone, ARMS)  # what a comparison is for


def test_what_one_run_is_too_short_to_show_runs_of_one_arm_show_together():
    few = but(planned=900, errors=4)
    assert find_undelivered(LOAD, [few], ("candidate",)) == ()
    check_failing(LOAD, [few], "candidate")
    with pytest.raises(InvalidMeasurement, match="candidate: 40 of 9000 requests failed") as caught:
        check_failing(LOAD, [few] * 10, "candidate")
    assert caught.value.reason is Reason.LOAD_ERRORS
    with pytest.raises(InvalidMeasurement, match=r"candidate: 40 of 9000 .*; statuses: 200"):
        check_failing(LOAD, [told({"200": 896, "500": 4}, bad_status=4)] * 10, "candidate")
    check_failing(LOAD, [GOOD] * 10, "candidate")
    check_failing(LOAD, [], "candidate")


def test_what_a_container_lacks_is_its_arms_and_named_as_the_containers():
    """All arms lack it, each in one container: nothing was measured."""
    arms = ["candidate", "baseline", "baseline", "candidate"]
    names = ["candidate-2", "baseline-1", "baseline-2", "candidate-1"]
    failing = but(errors=300, first_error="HTTP status 503")
    (one,) = find_undelivered(LOAD, [failing, GOOD, GOOD, GOOD], arms, names)
    assert (one.arm, one.name) == ("candidate", "candidate-2")
    assert one.error.message.startswith("candidate-2: 300 of 8000")
    check_found([one], ARMS)
    both = find_undelivered(LOAD, [failing, GOOD, failing, GOOD], arms, names)
    with pytest.raises(InvalidMeasurement, match="candidate-2: 300 of 8000"):
        check_found(both, ARMS)
    several = find_undelivered(LOAD, [failing, GOOD, GOOD, failing], arms, names)
    check_found(several, ARMS)
