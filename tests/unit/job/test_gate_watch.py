"""Pairs that are ready to pass, and a watch that is not: what a job waits for, and until when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job import budget as budget_module
from socklat_gate.job import gate_job as paired
from socklat_gate.job.gate_job import GateJob
from socklat_gate.job.reference import Reference
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.run import Spike
from socklat_gate.measured.verdict import Outcome
from socklat_gate.measured.watch import Replica, Watch
from tests.unit.job.fakes import (
    BASE_IMAGE,
    IMAGE,
    FakeRig,
    Step,
    opening,
    quiet_progress,
    scenario,
    stored,
)

S = 1_000_000_000
PAIR_S = 10.0
DIED = InvalidMeasurement(Reason.SERVICE_DIED, "a replica of the watch, 42 s after its start")


class FakeFleet:
    """``up`` replicas of each arm from the first pair on.

    ``stops_s`` are ages at which those of the candidate stop; one falls ``silent_s`` after its
    start.
    """

    missing = False

    def __init__(self, stops_s: Sequence[float] = (), silent_s: float | None = None) -> None:
        self.now_s = 1000.0
        self.begun_s: float | None = None
        self.stops_s = stops_s
        self.silent_s = silent_s
        self.waited: list[float] = []
        self.finished = False
        self.grown = 0
        self.renewed_s: list[float] = []
        self.small = False
        self.wanted = 8
        self.minutes = 2.0
        self.up = 8
        self.lost = 0
        self.failing: Exception | None = None

    def grow(self) -> None:
        self.grown += 1
        if self.begun_s is None:
            self.begun_s = self.now_s

    def renew(self) -> None:
        self.renewed_s.append(self.now_s)

    def wait(self, seconds: float) -> None:
        if self.failing is not None:
            raise self.failing
        self.waited.append(seconds)
        self.now_s += seconds

    def finish(self) -> None:
        self.finished = True

    def watch(self) -> Watch:
        begun_s = self.begun_s or self.now_s
        replicas = [
            self._replica(arm, number, begun_s + 0.1 * number)
            for number in range(0 if self.missing else self.up)
            for arm in ARMS
        ]
        notes = (Note(NoteCode.WATCH_REPLICAS, "memory", {"replicas": 0}),) if self.missing else ()
        return Watch(
            tuple(replicas),
            50_000_000,
            self.wanted,
            minutes=self.minutes,
            age_s=0.0,
            notes=notes,
            renewed=self.small,
        )

    def _replica(self, arm: Any, number: int, begun_s: float) -> Replica:
        age_s = max(0.0, self.now_s - begun_s)
        spikes = [
            Spike(
                round((begun_s + at_s + 0.7 * number) * S),
                {"response": 800_000_000, "recv_wait": 800_000_000},
                "",
                0,
            )
            for at_s in (self.stops_s if arm == "candidate" else ())
            if at_s + 0.7 * number <= age_s
        ]
        seen_s = age_s
        if self.silent_s is not None and (arm, number) == ("candidate", 3):
            seen_s = min(age_s, self.silent_s)
        lost = self.lost if self.finished and (arm, number) == ("candidate", 3) else 0
        return Replica(
            arm=arm,
            number=number,
            started_ns=round((begun_s - 1) * S),
            from_ns=round(begun_s * S),
            to_ns=round((begun_s + age_s) * S),
            exchanges=round(8 * seen_s),
            no_response=lost,
            spikes=tuple(spikes),
        )


class Rig(FakeRig):
    """Each pair takes `PAIR_S` of the fleet's clock."""

    def __init__(self, steps: Sequence[Step], fleet: FakeFleet) -> None:
        super().__init__(steps)
        self.watching = fleet

    def pairs(self, *arguments: Any) -> Any:
        self.watching.now_s += PAIR_S
        return super().pairs(*arguments)


Judge = Callable[..., GateResult]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Judge:
    def run(fleet: FakeFleet, steps: Sequence[Step] = (0.0,) * 40, **limits: Any) -> GateResult:
        monkeypatch.setattr(paired, "Rig", opening(Rig(steps, fleet)))
        monkeypatch.setattr(budget_module.time, "monotonic", lambda: fleet.now_s)
        job = GateJob(
            client=None,
            scenario=scenario(**{"watch": {"replicas": 8}, **limits}),
            directory=tmp_path,
            candidate=IMAGE,
            find_reference=lambda: Reference(
                BASE_IMAGE, stored(tmp_path / "none", 0), named=True, stored=False
            ),
            seed=9,
            progress=quiet_progress(),
        )
        return job.run()

    return run


def codes(result: GateResult) -> list[Reason]:
    return [fact.code for fact in result.verdict.reasons]


def test_a_pass_waits_for_the_minutes_and_no_longer(judge: Judge) -> None:
    fleet = FakeFleet()
    result = judge(fleet)
    assert result.verdict.outcome is Outcome.PASS
    assert 120 <= fleet.now_s - 1000 <= 130
    assert max(fleet.waited) <= 5.0
    assert fleet.finished
    assert result.watch == fleet.watch()
    assert fleet.grown >= len(result.pairs) + len(fleet.waited)


def test_pairs_that_take_longer_than_the_watch_wait_for_nothing(judge: Judge) -> None:
    fleet = FakeFleet()
    fleet.minutes = 0.1
    result = judge(fleet)
    assert result.verdict.outcome is Outcome.PASS
    assert fleet.waited == []
    assert fleet.finished


def test_a_regression_of_the_pairs_waits_for_nothing(judge: Judge) -> None:
    fleet = FakeFleet()
    result = judge(fleet, [0.3] * 40)
    assert codes(result) == [Reason.REGRESSION]
    assert fleet.waited == []
    # Nor for replicas that would have come to nothing.
    assert 1 <= fleet.grown < len(result.pairs)
    assert result.watch is not None


def test_stops_of_the_replicas_fail_while_it_waits(judge: Judge) -> None:
    fleet = FakeFleet(stops_s=[float(age_s) for age_s in range(60, 600, 10)])
    fleet.up = fleet.wanted = 16
    result = judge(fleet)
    assert result.verdict.outcome is Outcome.REGRESSION
    assert codes(result)[0] is Reason.MORE_STOPS
    assert 70 <= fleet.now_s - 1000 <= 120
    # What was judged is what is stored.
    assert result.watch == fleet.watch()
    assert not fleet.finished


def test_the_budget_of_pairs_leaves_the_watch_its_time(judge: Judge) -> None:
    passed = judge(FakeFleet())
    fleet = FakeFleet()
    result = judge(fleet, max_pairs=len(passed.pairs))
    assert result.verdict.outcome is Outcome.PASS
    assert fleet.now_s - 1000 >= 120
    cut = FakeFleet()
    cut.wanted = 16
    result = judge(cut, max_pairs=len(passed.pairs), max_minutes=2.5)
    assert Reason.BUDGET_MINUTES in codes(result)
    assert Reason.BUDGET_PAIRS not in codes(result)


def test_the_minutes_of_the_job_end_in_the_middle_of_the_watch(judge: Judge) -> None:
    """Of 16 that were asked for 8 are there, so that it takes twice as long."""
    fleet = FakeFleet()
    fleet.wanted = 16
    result = judge(fleet, max_minutes=2.5)
    assert result.verdict.outcome is Outcome.INCONCLUSIVE
    assert {Reason.BUDGET_MINUTES, Reason.WATCH_OPEN} <= set(codes(result))
    assert fleet.now_s - 1000 == pytest.approx(150, abs=1)
    longer = FakeFleet()
    longer.wanted = 16
    assert judge(longer).verdict.outcome is Outcome.PASS
    assert longer.now_s - 1000 >= 240


class HastyFleet(FakeFleet):
    """Waits a little less than it is asked for; looking at it takes longer than that."""

    def wait(self, seconds: float) -> None:
        super().wait(max(seconds - 0.01, 0.0))

    def watch(self) -> Watch:
        self.now_s += 0.02
        return super().watch()


def test_minutes_that_end_while_it_is_decided_are_told(judge: Judge) -> None:
    fleet = HastyFleet()
    fleet.wanted = 16
    result = judge(fleet, max_minutes=2.5)
    assert {Reason.BUDGET_MINUTES, Reason.WATCH_OPEN} <= set(codes(result))


def test_no_replicas_at_all_is_no_pass_and_nothing_to_wait_for(judge: Judge) -> None:
    fleet = FakeFleet()
    fleet.missing = True
    result = judge(fleet)
    assert result.verdict.outcome is Outcome.INCONCLUSIVE
    assert Reason.WATCH_OPEN in codes(result)
    assert fleet.waited == []
    assert any(note.code is NoteCode.WATCH_REPLICAS for note in result.notes)


def test_one_that_responds_no_more_is_no_pass_and_is_not_waited_for_for_long(judge: Judge) -> None:
    fleet = FakeFleet(silent_s=50.0)
    result = judge(fleet)
    assert result.verdict.outcome is not Outcome.PASS
    assert fleet.now_s - 1000 < 300


def test_what_only_the_driver_knows_at_the_end_can_keep_a_pass_away(judge: Judge) -> None:
    fleet = FakeFleet()
    fleet.lost = 5000
    result = judge(fleet)
    assert fleet.finished
    assert result.verdict.outcome is not Outcome.PASS


def test_a_replica_that_dies_while_it_waits(judge: Judge) -> None:
    fleet = FakeFleet()
    fleet.failing = DIED
    result = judge(fleet)
    assert result.verdict.outcome is Outcome.INVALID
    assert codes(result) == [Reason.SERVICE_DIED]
    assert result.watch is not None
    assert len(result.pairs) >= 5


def test_stops_that_are_many_fail_beside_the_pairs(judge: Judge) -> None:
    """A single one of each replica is not enough, nor can it be left out of account."""
    fleet = FakeFleet(stops_s=[float(age_s) for age_s in range(2, 600, 2)])
    fleet.up = fleet.wanted = 16
    result = judge(fleet)
    assert result.verdict.outcome is Outcome.REGRESSION
    assert fleet.waited == []
    one_each = FakeFleet(stops_s=(15.0,))
    undecided = judge(one_each, max_minutes=2.2)
    assert undecided.verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(undecided)[0] is Reason.WATCH_OPEN


def test_few_replicas_that_have_shown_what_they_can_are_replaced(judge: Judge) -> None:
    """Between pairs, and while nothing but the watch is waited for; whichever arm stopped."""
    fleet = FakeFleet(stops_s=(15.0,))
    fleet.up = fleet.wanted = 4
    fleet.small = True
    judge(fleet, max_minutes=2.5)
    assert fleet.renewed_s
    assert min(fleet.renewed_s) - 1000 > 30.0
    large = FakeFleet(stops_s=(15.0,))
    judge(large, max_minutes=2.5)
    assert large.renewed_s == []
    quiet = FakeFleet()
    quiet.up = quiet.wanted = 4
    quiet.small = True
    judge(quiet)
    assert quiet.renewed_s == []
