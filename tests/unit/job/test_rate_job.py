from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from socklat_gate.environment import RATE, this_machine
from socklat_gate.errors import Reason, UsageError
from socklat_gate.job.rate_job import RateJob, known_rate
from socklat_gate.load.step import Step
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.measured.facts import NoteCode
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.rate_steps import mean_rate
from socklat_gate.service.arm import ArmSpec, RunningArm
from socklat_gate.wording.notes import note_text
from tests.unit.job.fakes import BASE_IMAGE, quiet_progress
from tests.unit.verdict.builders import campaign_of, scaled_run

SCENARIO = Scenario.model_validate(
    {
        "name": "demo",
        "service": {"image": "demo:2", "port": 80},
        "load": {"driver": "http", "rate": "auto"},
    }
)
SPEC = ArmSpec("baseline", BASE_IMAGE)


class FakeSession:
    def __init__(self, *arguments: object) -> None:
        del arguments

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(self, *arguments: object) -> None:
        pass

    def start(self, specs: Sequence[ArmSpec]) -> tuple[RunningArm, ...]:
        return tuple(
            RunningArm(spec.arm, "c", "n", 1, 1, "127.0.0.1", 80, spec.image) for spec in specs
        )

    def stop(self) -> None:
        pass

    def check_alive(self) -> None:
        pass


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Rates that were sent to a service that carries 5000."""
    rates: list[float] = []

    def step(load: Any, where: Any, rate: float, *rest: Any) -> Step:
        del load, where, rest
        rates.append(rate)
        in_time = 100 if rate <= 5000 else 0
        return Step(rate, 100, in_time, 0, driver_late=False, median_ns=1e5, p99_ns=2e5)

    monkeypatch.setattr("socklat_gate.job.rate_job.run_step", step)
    monkeypatch.setattr("socklat_gate.job.rate_job.ServiceSession", FakeSession)
    monkeypatch.setattr("socklat_gate.job.rate_job.BusyMeter.share_of", lambda *_: 0.01)
    return rates


def job(scenario: Scenario = SCENARIO, spec: ArmSpec | None = SPEC) -> RateJob:
    return RateJob(cast("Any", None), scenario, Path(), spec, 3, quiet_progress())


def stored(rate: float | None, **machine: str) -> Campaign:
    must_match = {**this_machine(), **({} if rate is None else {RATE: f"{rate:g}"}), **machine}
    campaign = campaign_of([scaled_run(0.0)])
    return replace(
        campaign,
        scenario_hash=SCENARIO.measured_hash(),
        former_hashes=(),
        fingerprint=Fingerprint(must_match),
    )


def test_the_rate_is_found_from_the_baseline(tried: list[float]) -> None:
    planned, (note,) = job().planned()
    assert mean_rate(planned.load) == pytest.approx(0.4 * 5000, rel=0.3)
    assert max(tried) > 5000
    assert note.code is NoteCode.RATE_FOUND
    assert "found from the baseline" in note_text(note)


def test_the_rate_of_the_history_is_kept(tried: list[float]) -> None:
    planned, (note,) = job().planned([stored(900.0), stored(1200.0)])
    assert mean_rate(planned.load) == 1200.0
    assert not tried
    assert "as the stored campaigns have it" in note_text(note)


def test_another_machine_has_another_rate(tried: list[float]) -> None:
    planned, _ = job().planned([stored(900.0, kernel="2.4")])
    assert tried
    assert mean_rate(planned.load) != 900.0


def test_campaigns_without_a_found_rate_say_nothing() -> None:
    assert known_rate([stored(None)], SCENARIO) is None
    other = replace(stored(900.0), scenario_hash="0" * 16)
    assert known_rate([other], SCENARIO) is None


@pytest.mark.parametrize("text", ["", "fast", "nan", "inf", "-5", "0", "1e12"])
def test_a_stored_rate_that_no_job_has_found_is_none(text: str, tried: list[float]) -> None:
    known = stored(900.0)
    odd = Fingerprint({**known.fingerprint.must_match, RATE: text})
    planned, _ = job().planned([replace(known, fingerprint=odd)])
    assert tried
    assert mean_rate(planned.load) == pytest.approx(0.4 * 5000, rel=0.3)


def test_a_number_is_kept_as_it_is(tried: list[float]) -> None:
    fixed = SCENARIO.model_copy(update={"load": SCENARIO.load.model_copy(update={"rate": 50.0})})
    assert job(fixed).planned() == (fixed, ())
    assert not tried


def test_without_a_baseline_there_is_no_rate(tried: list[float]) -> None:
    with pytest.raises(UsageError) as refused:
        job(spec=None).planned()
    assert refused.value.reason is Reason.BAD_SCENARIO
    assert not tried
