"""The rate of a scenario is that of what is stored of it, wherever a job looks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from socklat_gate.baseline.calibrations import save_calibration
from socklat_gate.baseline.places.directory import Directory
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.commands.root import cli
from socklat_gate.environment import RATE, this_machine
from socklat_gate.errors import NoUsableBaseline
from socklat_gate.job import entry
from socklat_gate.job.entry import run_job
from socklat_gate.job.stored_rate import rate_of_campaigns, stored_rate
from socklat_gate.measured.calibration import Calibration
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.scenario import Scenario
from tests.unit.baseline.test_calibrations import FINDINGS
from tests.unit.factories import make_campaign
from tests.unit.job.fakes import IMAGE, quiet_progress


def scenario(rate: Any = "auto", **load: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "demo",
            "service": {"image": "demo:2", "port": 80},
            "load": {"driver": "http", "rate": rate, **load},
        }
    )


SCENARIO = scenario()


def machine(rate: object, **other: str) -> Fingerprint:
    return Fingerprint({**this_machine(), **({} if rate is None else {RATE: str(rate)}), **other})


def campaign(rate: object, day: int = 1, **other: str) -> Campaign:
    return make_campaign(
        scenario_name="demo",
        scenario_hash=SCENARIO.measured_hash(),
        created=f"2026-03-{day:02}T10:00:00+00:00",
        fingerprint=machine(rate, **other),
    )


def study(rate: object, day: int = 1, scenario_hash: str = "") -> Calibration:
    return Calibration(
        scenario_name="demo",
        scenario_hash=scenario_hash or SCENARIO.measured_hash(),
        gate_hash=SCENARIO.gate_hash(),
        created=f"2026-03-{day:02}T10:00:00+00:00",
        commit="0" * 40,
        image="demo:2",
        image_id="sha256:" + "0" * 64,
        fingerprint=machine(rate),
        seed=1,
        excluded=0,
        findings=FINDINGS,
    )


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    return BaselineStore(Directory(tmp_path / "baselines"))


def test_nothing_is_stored(store: BaselineStore) -> None:
    assert stored_rate(store, SCENARIO) is None


def test_the_newest_campaign_has_it(store: BaselineStore) -> None:
    store.save(campaign(1200, day=2))
    store.save(campaign(900, day=1))
    store.save(campaign(None, day=3))
    assert stored_rate(store, SCENARIO) == 1200.0


def test_another_machine_or_another_load_has_another_rate(store: BaselineStore) -> None:
    store.save(campaign(900, kernel="2.4"))
    assert stored_rate(store, SCENARIO) is None
    store.save(campaign(900, day=2))
    assert stored_rate(store, scenario(path="/other")) is None


def test_a_study_has_it_where_no_campaign_is(store: BaselineStore) -> None:
    """Else the study would be of no use: it holds for its rate alone."""
    save_calibration(store.place, study(800, day=2))
    save_calibration(store.place, study(700, day=1))
    save_calibration(store.place, study(600, day=3, scenario_hash="0" * 16))
    assert stored_rate(store, SCENARIO) == 800.0
    store.save(campaign(1200))
    assert stored_rate(store, SCENARIO) == 1200.0


def test_a_damaged_study_is_left_out_and_a_damaged_campaign_is_an_error(
    store: BaselineStore, tmp_path: Path
) -> None:
    save_calibration(store.place, study(800))
    for path in tmp_path.rglob("_calibrations/**/*.json"):
        path.write_text("{}")
    assert stored_rate(store, SCENARIO) is None
    name = store.save(campaign(900))
    (tmp_path / "baselines" / name).write_text("{}")
    with pytest.raises(NoUsableBaseline):
        stored_rate(BaselineStore(store.place), SCENARIO)
    assert stored_rate(BaselineStore(store.place), scenario(rate=1000.0)) is None


@pytest.mark.parametrize("text", ["", "fast", "nan", "inf", "-5", "0", "1e12"])
def test_what_no_job_has_found_is_no_rate(text: str) -> None:
    assert rate_of_campaigns([campaign(text)], SCENARIO) is None
    assert rate_of_campaigns([campaign(900), campaign(text)], SCENARIO) == 900.0


class Measured(Exception):
    """A job would have begun to measure."""


@pytest.mark.parametrize("place", ["given", "default"])
def test_run_measures_at_the_stored_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Two campaigns of `run` can be compared then."""
    at = tmp_path / ("elsewhere" if place == "given" else "baselines")
    BaselineStore.at(at).save(campaign(900))
    monkeypatch.setattr(entry, "ready_client", lambda progress: None)
    monkeypatch.setattr(entry, "image_under_test", lambda *arguments: IMAGE)
    rates = []

    def rig(client: Any, planned: Scenario, *rest: Any) -> None:
        rates.append(planned.load.rate)
        raise Measured

    monkeypatch.setattr(entry, "Rig", rig)
    path = tmp_path / "socklat.toml"
    path.touch()
    given = str(at) if place == "given" else None
    with pytest.raises(Measured):
        run_job(path, SCENARIO, runs=1, seed=1, progress=quiet_progress(), baselines=given)
    assert rates == [900.0]


def test_calibrate_studies_the_stored_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a number of `[gate]` was changed, the study is made anew at the rate that it had."""
    (tmp_path / "socklat.toml").write_text(
        'name = "demo"\n[service]\nimage = "demo:2"\nport = 80\n'
        '[load]\ndriver = "http"\nrate = "auto"\n'
    )
    save_calibration(BaselineStore.at(tmp_path / "baselines").place, study(800))
    monkeypatch.setattr(entry, "ready_client", lambda progress: None)
    monkeypatch.setattr("socklat_gate.job.images.image_under_test", lambda *arguments: IMAGE)
    rates = []

    def rig(client: Any, planned: Scenario, *rest: Any) -> None:
        rates.append(planned.load.rate)
        raise Measured

    monkeypatch.setattr("socklat_gate.job.aa_job.Rig", rig)
    scenario_file = str(tmp_path / "socklat.toml")
    done = CliRunner().invoke(cli, ["calibrate", scenario_file, "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, Measured), done.output
    assert rates == [800.0]
