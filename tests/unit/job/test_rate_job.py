from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.job.progress import Progress
from socklat_gate.job.rate_job import RateJob
from socklat_gate.load.step import Step
from socklat_gate.measured.facts import NoteCode
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.rate_steps import mean_rate
from socklat_gate.service.arm import ArmSpec, RunningArm
from socklat_gate.wording.notes import note_text
from tests.unit.job.fakes import BASE_IMAGE, quiet_progress

SCENARIO = Scenario.model_validate(
    {
        "name": "demo",
        "service": {"image": "demo:2", "port": 80},
        "load": {"driver": "http", "rate": "auto"},
    }
)
SPEC = ArmSpec("baseline", BASE_IMAGE)


class FakeSession:
    def __init__(self, *arguments: object, alone: bool = False) -> None:
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

    def step(load: Any, where: Any, rate: float, *rest: Any, fresh: bool) -> Step:
        del load, where, rest
        assert fresh is not bool(rates)
        rates.append(rate)
        in_time = 100 if rate <= 5000 else 0
        return Step(rate, 100, in_time, 0, driver_late=False, median_ns=1e5, p99_ns=2e5)

    monkeypatch.setattr("socklat_gate.job.rate_job.run_step", step)
    monkeypatch.setattr("socklat_gate.job.rate_job.ServiceSession", FakeSession)
    monkeypatch.setattr("socklat_gate.job.rate_job.BusyMeter.share_of", lambda *_: 0.01)
    return rates


def job(scenario: Scenario = SCENARIO, spec: ArmSpec | None = SPEC) -> RateJob:
    return RateJob(cast("Any", None), scenario, Path(), spec, 3, quiet_progress())


def test_the_rate_is_found_from_the_baseline(tried: list[float]) -> None:
    planned, (note,) = job().planned()
    assert mean_rate(planned.load) == pytest.approx(0.4 * 5000, rel=0.3)
    assert max(tried) > 5000
    assert note.code is NoteCode.RATE_FOUND
    assert "found from the baseline" in note_text(note)


def test_a_rate_that_is_known_is_kept(tried: list[float]) -> None:
    planned, (note,) = job(spec=None).planned(1200.0)
    assert mean_rate(planned.load) == 1200.0
    assert not tried
    assert "as the stored campaigns have it" in note_text(note)


def test_where_no_report_says_so_a_line_of_progress_does(
    tried: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress() as progress:
        planned = replace(job(), progress=progress).announced(900.0)
    assert mean_rate(planned.load) == 900.0
    assert "load.rate: 900/s and arm, as the stored campaigns have it" in capsys.readouterr().err
    assert not tried


def test_a_number_is_kept_as_it_is(tried: list[float]) -> None:
    fixed = SCENARIO.model_copy(update={"load": SCENARIO.load.model_copy(update={"rate": 50.0})})
    assert job(fixed).planned() == job(fixed).planned(9.0) == (fixed, ())
    assert not tried


def test_without_a_baseline_there_is_no_rate(tried: list[float]) -> None:
    with pytest.raises(UsageError) as refused:
        job(spec=None).planned()
    assert refused.value.reason is Reason.BAD_SCENARIO
    assert not tried
