"""A gate with a metric of stage ``capacity``, from its pairs to its result."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement, NoUsableBaseline, Reason
from socklat_gate.job import gate_job as paired
from socklat_gate.job import gate_rounds
from socklat_gate.job.gate_job import GateJob
from socklat_gate.job.reference import Reference
from socklat_gate.measured.names import CAPACITY_RPS
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.service.image import ImageRef
from socklat_gate.wording.reasons import reason_text
from tests.unit.job.climbing import FakeSession, Services
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

CAPACITY = {"stage": "capacity"}
MEDIAN = {"quantile": 0.5, "tolerance": 0.02, "regression_threshold": 0.05}
SAME = {"baseline": 5000.0, "candidate": 5000.0}
LESS = {"baseline": 5000.0, "candidate": 3000.0}

Judge = Callable[..., GateResult]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Judge:
    """Runs a job whose pairs are ``steps``, on services that carry ``capacity``."""

    def run(
        steps: Sequence[Step],
        capacity: Services | dict[str, float],
        *,
        image: ImageRef | None = BASE_IMAGE,
        campaigns: int = 0,
        metrics: Sequence[dict[str, Any]] = (MEDIAN, CAPACITY),
        **limits: Any,
    ) -> GateResult:
        services = capacity if isinstance(capacity, Services) else Services(capacity)
        services.install(monkeypatch)
        store = stored(tmp_path / "store", campaigns)
        rig = FakeRig(steps)
        monkeypatch.setattr(paired, "Rig", opening(rig))

        def find_reference() -> Reference:
            if image is None and not campaigns:
                raise NoUsableBaseline(Reason.NO_BASELINE_YET, "there is none")
            return Reference(image, store, named=image is not None, stored=image is None)

        job = GateJob(
            client=None,
            scenario=scenario(metrics=list(metrics), **limits),
            directory=tmp_path,
            candidate=IMAGE,
            find_reference=find_reference,
            seed=9,
            progress=quiet_progress(),
        )
        result = job.run()
        assert FakeSession.running == FakeSession.opened == 0
        return result

    return run


def outcome(result: GateResult) -> tuple[Outcome, list[tuple[Reason, str]]]:
    verdict = result.verdict
    return verdict.outcome, [(fact.code, fact.subject) for fact in verdict.reasons]


def rounds(result: GateResult) -> int:
    study = result.verdict.capacity
    assert study is not None
    assert study.verdict.rounds == len(study.rounds)
    return len(study.rounds)


def test_equal_arms_pass_after_pairs_and_rounds(judge: Judge) -> None:
    result = judge([0.0] * 40, SAME)
    assert outcome(result) == (Outcome.PASS, [(Reason.NO_REGRESSION, "")])
    assert 5 <= rounds(result) <= 12
    assert 5 <= len(result.pairs) < 40
    study = result.verdict.capacity
    assert study is not None
    assert study.verdict.baseline_rps == pytest.approx(5000, rel=0.05)
    assert study.limits.within_ns == 30_000_000  # 10 times the p99 without a queue


def test_less_capacity_alone_fails_the_job_by_its_name(judge: Judge) -> None:
    result = judge([0.0] * 40, LESS)
    assert outcome(result) == (Outcome.REGRESSION, [(Reason.LESS_CAPACITY, CAPACITY_RPS)])
    assert result.verdict.metrics[0].verdict is Outcome.PASS
    study = result.verdict.capacity
    assert study is not None
    assert study.verdict.change == pytest.approx(-0.4, abs=0.03)


def test_a_slower_candidate_fails_before_any_round(judge: Judge) -> None:
    services = Services(SAME)
    result = judge([0.3] * 40, services)
    assert outcome(result) == (Outcome.REGRESSION, [(Reason.REGRESSION, "response_p50")])
    assert (rounds(result), services.tried["baseline"]) == (0, [])


def test_a_gate_without_the_metric_measures_no_round(judge: Judge) -> None:
    services = Services(LESS)
    result = judge([0.0] * 40, services, metrics=[MEDIAN])
    assert result.verdict.outcome is Outcome.PASS
    assert (result.verdict.capacity, services.tried["baseline"]) == (None, [])


def test_it_alone_takes_one_pair(judge: Judge) -> None:
    result = judge([0.0] * 40, SAME, metrics=[CAPACITY])
    assert result.verdict.outcome is Outcome.PASS
    assert len(result.pairs) == 1


class Clock:
    """Goes on by itself with each reading, and by what a step takes."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        self.now_s += 1e-6
        return self.now_s

    def step(self, arm: str, rate: float) -> None:
        del arm, rate
        self.now_s += 5.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("time.monotonic", found)
    return found


def test_rounds_that_the_budget_cuts_off_are_no_pass(judge: Judge, clock: Clock) -> None:
    """All latency metrics have passed; 5 minutes are some of the rounds that it takes."""
    result = judge([0.0] * 40, Services(SAME, on_step=clock.step), max_minutes=5)
    assert 1 <= rounds(result) < 5
    assert result.verdict.capacity is not None
    took_s = [one.duration_s for one in result.verdict.capacity.rounds]
    assert 300 - max(took_s) < sum(took_s) <= 300  # none began that could not end in time
    assert outcome(result) == (
        Outcome.INCONCLUSIVE,
        [(Reason.CAPACITY_UNDECIDED, CAPACITY_RPS), (Reason.BUDGET_MINUTES, "")],
    )
    assert result.verdict.only_undecided


def test_a_loss_is_found_within_the_same_budget(judge: Judge, clock: Clock) -> None:
    result = judge([0.0] * 40, Services(LESS, on_step=clock.step), max_minutes=30)
    assert result.verdict.outcome is Outcome.REGRESSION


def test_no_minute_left_after_the_pairs_is_no_pass(judge: Judge) -> None:
    result = judge([0.0] * 40, SAME, max_minutes=1e-9)
    assert result.verdict.outcome is Outcome.INCONCLUSIVE
    assert rounds(result) == 0


def test_rounds_follow_pairs_that_decide_nothing_and_can_fail_the_job(judge: Judge) -> None:
    result = judge([0.0] * 40, LESS, max_pairs=2)
    assert outcome(result)[0] is Outcome.REGRESSION
    even = judge([0.0] * 40, SAME, max_pairs=2)
    assert outcome(even) == (Outcome.INCONCLUSIVE, [(Reason.BUDGET_PAIRS, "")])
    assert rounds(even) >= 5


@pytest.mark.parametrize(
    ("services", "reason"),
    [
        (Services(SAME, driver_late=frozenset({"baseline"})), Reason.LOAD_NOT_DELIVERED),
        (Services(SAME, status={"candidate": "204"}), Reason.ANSWERS_DIFFER),
        (Services(SAME, size_bytes={"candidate": 10}), Reason.ANSWERS_DIFFER),
    ],
)
def test_what_rounds_cannot_show_is_no_pass(
    judge: Judge, services: Services, reason: Reason
) -> None:
    result = judge([0.0] * 40, services)
    assert outcome(result) == (Outcome.INCONCLUSIVE, [(reason, CAPACITY_RPS)])


def test_another_kind_of_response_can_be_accepted(judge: Judge) -> None:
    services = Services(SAME, status={"candidate": "204"})
    assert judge([0.0] * 40, services, accept_answers=["statuses"]).verdict.outcome is Outcome.PASS


@pytest.mark.parametrize("fast", [frozenset(), frozenset({"candidate"})])
def test_a_candidate_that_carries_nothing_fails(judge: Judge, fast: frozenset[str]) -> None:
    services = Services({"baseline": 5000.0, "candidate": 0.1}, fast_errors=fast)
    result = judge([0.0] * 40, services)
    assert outcome(result) == (Outcome.REGRESSION, [(Reason.LESS_CAPACITY, CAPACITY_RPS)])


def test_a_candidate_that_dies_when_it_is_full_is_no_pass(judge: Judge) -> None:
    def die(arm: str, rate: float) -> None:
        if arm == "candidate" and rate > 5000:
            raise InvalidMeasurement(Reason.SERVICE_DIED, "exit code 137", remedy="see its log")

    result = judge([0.0] * 40, Services(SAME, on_step=die))
    assert outcome(result) == (Outcome.INVALID, [(Reason.SERVICE_DIED, "")])
    assert len(result.pairs) >= 5
    (died,) = result.verdict.reasons
    said = reason_text(died, result.verdict)
    assert re.match(
        r"candidate at \d,\d+ requests a second, in round 1 of capacity: exit code 137", said
    )


def test_what_has_failed_stays_failed_when_a_round_for_its_name_cannot_be_measured(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Outcome] = []

    def unnamed(verdict: Verdict) -> bool:
        looks.append(verdict.outcome)
        return verdict.outcome is Outcome.REGRESSION

    def die(arm: str, rate: float) -> None:
        del rate
        if arm == "candidate" and Outcome.REGRESSION in looks:
            raise InvalidMeasurement(Reason.SERVICE_DIED, "exit code 137", remedy="see its log")

    monkeypatch.setattr(gate_rounds, "unnamed", unnamed)
    result = judge([0.0] * 40, Services(LESS, on_step=die))
    assert outcome(result) == (Outcome.REGRESSION, [(Reason.LESS_CAPACITY, CAPACITY_RPS)])
    assert looks.count(Outcome.REGRESSION) == 1


def test_a_candidate_that_does_not_start_is_no_pass(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(session: FakeSession, specs: object) -> None:
        raise InvalidMeasurement(Reason.SERVICE_NOT_READY, "no response", remedy="see its log")

    monkeypatch.setattr(FakeSession, "start", refuse)
    result = judge([0.0] * 40, SAME)
    assert outcome(result) == (Outcome.INVALID, [(Reason.SERVICE_NOT_READY, "")])


def test_without_a_baseline_there_is_no_verdict_by_limits(judge: Judge) -> None:
    limited = {"quantile": 0.5, "limit_ms": 1000.0}
    result = judge([0.0] * 40, SAME, image=None, metrics=[limited, CAPACITY])
    assert result.verdict.outcome is Outcome.NO_BASELINE


def test_a_stored_baseline_that_cannot_run_is_no_pass(judge: Judge) -> None:
    result = judge([0.0] * 40, SAME, image=None, campaigns=6)
    assert outcome(result) == (Outcome.INCONCLUSIVE, [(Reason.NOT_MEASURED, CAPACITY_RPS)])
    plain = judge([0.0] * 40, SAME, image=None, campaigns=6, metrics=[MEDIAN])
    assert plain.verdict.outcome is Outcome.PASS


def test_both_arms_begin_where_the_baseline_ended(judge: Judge) -> None:
    """What the candidate is tried at is not its choice."""
    services = Services({"baseline": 5000.0, "candidate": 500.0})
    result = judge([0.0] * 40, services)
    near = [rate for rate in services.tried["candidate"] if 4000 < rate < 5000]
    assert len(near) >= rounds(result) - 1


def test_both_arms_have_the_same_arrivals_step_by_step(judge: Judge) -> None:
    """Else Poisson's chance would be a difference of the arms, 3% in a second of 1000."""
    services = Services(SAME)
    judge([0.0] * 40, services, metrics=[{**CAPACITY, "within_ms": 50.0}])
    one, other = (set(services.seeds[arm]) for arm in ("baseline", "candidate"))
    assert len(one & other) >= 0.8 * len(one | other)
    assert len(one) == len(services.seeds["baseline"])


def test_the_first_step_of_each_round_is_to_services_that_were_sent_nothing(judge: Judge) -> None:
    """What refuses connections then does so for another reason than the rate."""
    services = Services(SAME)
    result = judge([0.0] * 40, services, metrics=[{**CAPACITY, "within_ms": 50.0}])
    for fresh in services.fresh.values():
        assert fresh[0]
        assert sum(fresh) == rounds(result) < len(fresh)


def test_coins_of_rounds_are_not_those_of_pairs(judge: Judge) -> None:
    result = judge([0.0] * 40, SAME)
    study = result.verdict.capacity
    assert study is not None
    assert {one.first for one in study.rounds} == {"baseline", "candidate"}
    assert not {one.seed for one in study.rounds} & {pair.seed for pair in result.pairs}
