from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.completeness import check_complete, completeness_of, mismatch
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Run
from tests.unit.job.fakes import run


def run_with(responses: int, errors: int = 0, **counters: int) -> Run:
    whole = run(**counters)
    return replace(whole, load=replace(whole.load, responded_total=responses, errors=errors))


@pytest.mark.parametrize(("no_response", "lost"), [(0, True), (40, False)])
def test_an_external_tool_whose_requests_get_no_response(no_response: int, lost: bool) -> None:
    whole = run_with(0, seen=no_response, recorded=0, no_response=no_response)
    external = replace(whole, load=replace(whole.load, external=True))
    if not lost:
        check_complete("candidate", external)
        return
    with pytest.raises(InvalidMeasurement, match="no exchange was recorded"):
        check_complete("candidate", external)


def test_a_whole_run() -> None:
    check_complete("candidate", run_with(6000))


@pytest.mark.parametrize(
    ("whole", "reason", "said"),
    [
        # 6000 were recorded, so 6031 seen make 31 that are accounted for one way or another.
        (run_with(6000, seen=6031), Reason.EVENTS_LOST, "do not add up: 6031 exchanges seen"),
        (
            run_with(6000, seen=6031, dropped_map_full=31),
            Reason.EVENTS_LOST,
            "31 of 6031 exchanges were lost: they did not fit",
        ),
        (run_with(6031), Reason.COUNT_MISMATCH, "the load driver 6031"),
        (
            run_with(6032, seen=6032, no_response=1, pending=31),
            Reason.COUNT_MISMATCH,
            "the load driver 6032, and 1 without a response and 31 not over",
        ),
        (run_with(5969), Reason.COUNT_MISMATCH, "the kernel saw 6000 responses"),
        (run_with(0, seen=0, recorded=0), Reason.EVENTS_LOST, "no exchange was recorded"),
    ],
)
def test_a_run_with_losses(whole: Run, reason: Reason, said: str) -> None:
    with pytest.raises(InvalidMeasurement) as caught:
        check_complete("candidate", whole)
    assert caught.value.reason is reason
    assert caught.value.message.startswith("candidate: ")
    assert said in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    "whole",
    [
        run_with(6000, seen=6030, dropped_map_full=30),
        run_with(6000, seen=6500, filtered=0, no_response=400, pending=100),
        run_with(6025),
        run_with(5900, errors=100),
        run_with(7000, seen=7000, filtered=1000),
    ],
)
def test_what_is_allowed(whole: Run) -> None:
    check_complete("candidate", whole)


def test_the_drivers_failures_explain_a_difference_but_no_more() -> None:
    assert mismatch(run_with(5990, errors=10)) == 0
    assert mismatch(run_with(5000, errors=400)) == pytest.approx(600 / 5000)
    assert mismatch(run_with(6000)) == 0


def test_only_requests_without_a_response_explain_a_difference_where_they_are_known() -> None:
    """Error replies are responses for both; failures of the warm-up are in no other count."""
    whole = run_with(5990, errors=500)
    apart = {
        number: mismatch(replace(whole, load=replace(whole.load, no_response_total=number)))
        for number in (0, 9, 10)
    }
    assert apart[10] == 0
    assert apart[0] == pytest.approx(10 / 5990)


def test_a_run_without_any_response_loses_none() -> None:
    whole = run_with(0, seen=0, recorded=0)
    load = replace(whole.load, responded=0, errors=6000, no_response_total=6000)
    check_complete("candidate", replace(whole, load=load))


@pytest.mark.parametrize(
    ("seen", "responded", "apart"),
    [
        (17, 15, 0.0),  # two more than the driver's at 5 requests a second
        (18, 15, 3 / 15),
        (152, 150, 0.0),
        (153, 150, 3 / 150),
        (14, 15, 1 / 15),  # a response that the kernel did not see is always one too many
        (149, 150, 1 / 150),
        (6030, 6000, 30 / 6000),
    ],
)
def test_strangers_may_ask_but_no_response_may_go_missing(
    seen: int, responded: int, apart: float
) -> None:
    assert mismatch(run_with(responded, seen=seen, recorded=seen)) == pytest.approx(apart)


def test_what_is_not_the_service_s_is_in_no_count_and_named_where_counts_differ() -> None:
    beside = {"9000": Histogram.of([1000] * 6000), "9090": Histogram.of([1000] * 3)}
    whole = replace(run_with(6000, internal=6003, local=2), internal=beside)
    check_complete("candidate", whole)
    total = completeness_of([whole, whole], missed=0)
    assert (total.internal, total.local, total.mismatch) == (12_006, 4, 0.0)
    unseen = replace(run_with(6000, seen=0, recorded=0, local=6000), internal=beside)
    with pytest.raises(InvalidMeasurement) as caught:
        check_complete("candidate", unseen)
    assert caught.value.reason is Reason.COUNT_MISMATCH
    assert "6000 on port 9000, 3 on port 9090, 6000 asked for from inside" in caught.value.message


def test_a_load_that_comes_from_inside_leaves_nothing_to_judge() -> None:
    whole = run_with(0, seen=0, recorded=0, local=6000)
    whole = replace(whole, load=replace(whole.load, external=True))
    with pytest.raises(InvalidMeasurement, match="6000 asked for from inside") as caught:
        check_complete("candidate", whole)
    assert "from outside" in caught.value.remedy


def test_an_external_load_has_no_count_of_its_own() -> None:
    whole = run_with(0)
    external = replace(whole, load=replace(whole.load, external=True))
    check_complete("candidate", external)
    assert completeness_of([external], 0).responded_by_driver is None


def test_sums_over_runs() -> None:
    total = completeness_of([run_with(6000), run_with(6010, overlapped=5)], missed=2)
    assert (total.seen, total.recorded, total.responded_by_driver) == (12_000, 12_000, 12_010)
    assert (total.overlapped, total.missed) == (5, 2)
    assert total.mismatch == pytest.approx(10 / 6010)
    assert total.balanced
