from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.open_verdict import waits_for_watch
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.stop_verdict import GrowthVerdict, StopVerdict
from socklat_gate.measured.verdict import STUCK, Outcome, Verdict
from socklat_gate.measured.watch import Replica, Slice, StopUse, Watch
from tests.unit.factories import make_result, make_spike

SECOND = 10**9


def gate_result() -> GateResult:
    result = make_result()
    assert isinstance(result, GateResult)
    return result


def a_watch() -> Watch:
    slices = (
        Slice(5 * SECOND, 15 * SECOND, 80, 2e6, 9e6, 30 << 20, 40_000_000),
        Slice(15 * SECOND, 25 * SECOND, 0, math.nan, math.nan),
    )
    replicas = (
        Replica("baseline", 0, 4 * SECOND, 5 * SECOND, 25 * SECOND, 80, 1, slices=slices),
        Replica(
            "candidate",
            0,
            4 * SECOND,
            5 * SECOND,
            25 * SECOND,
            80,
            0,
            (make_spike(),),
            uses=(
                StopUse(6 * SECOND, SECOND, 6 * SECOND, 7 * SECOND, 10, None, 5, 0, None, 1, 2),
                StopUse(9 * SECOND, SECOND, 9 * SECOND, 10 * SECOND, 10, 20, None, None, 7),
            ),
        ),
    )
    return Watch(replicas, 50_000_000, 16, 2.0, 0.0)


def stops() -> StopVerdict:
    return StopVerdict(
        threshold_ns=5e7,
        baseline_stops=0,
        candidate_stops=3,
        baseline_replicas=16,
        candidate_replicas=16,
        baseline_with=0,
        candidate_with=3,
        shared=1,
        baseline_exposure_s=1900.0,
        candidate_exposure_s=1890.0,
        longest_ns=8e8,
        oldest_s=120.0,
        half_age_s=119.0,
        evidence=12.0,
        threshold=800.0,
        p_value=1 / 12,
        failed=False,
        found_every_s=None,
        found_from_start_s=90.0,
        missing_s=0.0,
        ages_s=(3.0, 60.5, 61.0),
        mechanism="blocked",
        mechanisms={"blocked": 2, "running": 1},
    )


def growth() -> GrowthVerdict:
    nan = math.nan
    return GrowthVerdict(
        "memory", -0.01, 0.4, 0.2, -math.inf, math.inf, 3.0, 2000.0, False, 16, nan
    )


def test_a_result_with_a_watch_is_stored_and_read() -> None:
    result = gate_result()
    verdict = replace(result.verdict, stops=stops(), growth=(growth(),))
    body = json.loads(json.dumps(to_body(replace(result, watch=a_watch(), verdict=verdict))))
    read = result_from_body(body)
    assert isinstance(read, GateResult)
    assert to_body(read) == body
    assert read.watch is not None
    assert read.watch.replicas[1] == a_watch().replicas[1]
    assert read.verdict.stops == stops()
    assert math.isnan(read.watch.replicas[0].slices[1].p50_ns)


def test_results_without_a_watch_stay_readable() -> None:
    result = gate_result()
    body = to_body(result)
    del body["watch"], body["verdict"]["stops"], body["verdict"]["growth"]
    read = result_from_body(body)
    assert isinstance(read, GateResult)
    assert (read.watch, read.verdict.stops, read.verdict.growth) == (None, None, ())


@pytest.mark.parametrize("change", [{"number": 1024}, {"to_ns": 1}, {"generation": 1}])
def test_a_replica_that_cannot_be_is_refused(change: dict[str, int]) -> None:
    body = to_body(replace(gate_result(), watch=a_watch()))
    body["watch"]["replicas"][0].update(change)
    with pytest.raises(NoUsableBaseline, match="replica"):
        result_from_body(body)


@pytest.mark.parametrize(
    "change", [{"rx_first_ns": 10 * SECOND}, {"to_ns": 1 << 63}, {"length_ns": 1 << 63}]
)
def test_uses_out_of_order_or_of_no_clock_are_refused(change: dict[str, int]) -> None:
    body = to_body(replace(gate_result(), watch=a_watch()))
    body["watch"]["replicas"][1]["uses"][0].update(change)
    with pytest.raises(NoUsableBaseline, match="replica"):
        result_from_body(body)


def test_a_mechanism_that_is_not_known_is_refused() -> None:
    result = gate_result()
    body = to_body(replace(result, verdict=replace(result.verdict, stops=stops())))
    body["verdict"]["stops"]["mechanism"] = "asleep"
    with pytest.raises(NoUsableBaseline, match="mechanism"):
        result_from_body(body)


def test_replicas_without_uses_stay_readable() -> None:
    result = gate_result()
    verdict = replace(result.verdict, stops=stops())
    body = to_body(replace(result, watch=a_watch(), verdict=verdict))
    for replica in body["watch"]["replicas"]:
        del replica["uses"]
    del body["verdict"]["stops"]["mechanism"], body["verdict"]["stops"]["mechanisms"]
    read = result_from_body(body)
    assert isinstance(read, GateResult)
    assert read.watch is not None
    assert read.verdict.stops is not None
    assert {one.uses for one in read.watch.replicas} == {()}
    assert (read.verdict.stops.mechanism, read.verdict.stops.mechanisms) == (None, {})


def test_slices_that_overlap_or_end_before_they_begin_are_refused() -> None:
    for change in ({"from_ns": 1 << 61}, {"to_ns": 0}):
        body = to_body(replace(gate_result(), watch=a_watch()))
        body["watch"]["replicas"][0]["slices"][0].update(change)
        with pytest.raises(NoUsableBaseline, match="slices"):
            result_from_body(body)


def test_the_same_replica_twice_is_refused() -> None:
    watch = a_watch()
    twice = replace(watch, replicas=watch.replicas[:1] * 2)
    body = to_body(replace(gate_result(), watch=twice))
    with pytest.raises(NoUsableBaseline, match="once"):
        result_from_body(body)


def test_a_verdict_that_waits_for_the_watch_is_only_undecided() -> None:
    verdict = Verdict(Outcome.INCONCLUSIVE, (ReasonFact(Reason.WATCH_OPEN),))
    assert waits_for_watch(verdict)
    assert verdict.only_undecided
    assert not waits_for_watch(replace(verdict, reasons=(ReasonFact(Reason.BUDGET_PAIRS),)))
    for stuck in STUCK:
        fact = ReasonFact(Reason.WATCH_OPEN, numbers={stuck: 1})
        assert not replace(verdict, reasons=(fact,)).only_undecided
