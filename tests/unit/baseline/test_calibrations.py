from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.baseline.calibrations import (
    calibration_for,
    calibration_note,
    read_calibration,
    save_calibration,
    summary,
    write_calibration,
)
from socklat_gate.baseline.listing import summaries
from socklat_gate.baseline.places.directory import Directory
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.documents.envelope import checksum_of
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.measured.calibration import Calibration, Findings, MetricFindings
from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Scenario
from socklat_gate.wording.notes import note_text
from tests.unit.factories import worded

MACHINE = Fingerprint({"kernel": "6.1", "cpus": "2"}, {"docker": "27"})
METRIC = MetricFindings(
    name="response_p50",
    ratios=(1.01, 0.99, 1.0, 1.02, 0.98, 1.0),
    pair_sd=0.014,
    change=-0.001,
    change_p=0.8,
    mde={"5": 0.043, "15": None},
)
FINDINGS = Findings(
    pairs=6,
    pair_s=9.5,
    max_pairs=40,
    jobs=10_000,
    false_alarms=3,
    false_alarm_limit=0.00078,
    decided=9_900,
    pairs_to_verdict=8.0,
    metrics=(METRIC,),
    problems=(),
)


def scenario(**gate: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "shop",
            "service": {"image": "shop:2", "port": 80},
            "load": {"driver": "http"},
            "gate": {
                "metrics": [{"quantile": 0.5, "tolerance": 0.02, "regression_threshold": 0.05}],
                "watch": {"minutes": 0},  # whose minutes a budget of 1 has not got
                **gate,
            },
        }
    )


def calibration(**changes: Any) -> Calibration:
    made = Calibration(
        scenario_name="shop",
        scenario_hash=scenario().measured_hash(),
        gate_hash=scenario().gate_hash(),
        created="2026-03-04T05:06:07.000000+00:00",
        commit="unknown",
        image="shop:2",
        image_id="sha256:2",
        fingerprint=MACHINE,
        seed=7,
        excluded=1,
        findings=FINDINGS,
    )
    return replace(made, **changes)


def saved(directory: Path, study: Calibration) -> Path:
    """The file of a study after saving it."""
    return directory / save_calibration(Directory(directory), study)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return saved(tmp_path, calibration())


def forge(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Alter a stored document and give it the checksum that belongs to it."""
    document = json.loads(path.read_text())
    change(document["body"])
    document["checksum"] = checksum_of(document["body"])
    path.write_text(json.dumps(document))


def test_a_study_is_read_back_as_it_was(tmp_path: Path, stored: Path) -> None:
    assert calibration_for(Directory(tmp_path), scenario(), MACHINE) == calibration()
    assert read_calibration(stored) == calibration()


def test_no_study_no_note(tmp_path: Path) -> None:
    assert calibration_for(Directory(tmp_path / "absent"), scenario(), MACHINE) is None
    assert calibration_note(Directory(tmp_path), scenario(), MACHINE) == Note(
        NoteCode.NOT_CALIBRATED
    )


def test_a_newer_study_replaces_the_older(tmp_path: Path, stored: Path) -> None:
    newer = calibration(created="2026-05-01T00:00:00+00:00", excluded=0)
    assert saved(tmp_path, newer) == stored
    assert calibration_for(Directory(tmp_path), scenario(), MACHINE) == newer
    assert [path.name for path in stored.parent.iterdir()] == [stored.name]


def test_another_machine_or_load_has_a_study_of_its_own(tmp_path: Path, stored: Path) -> None:
    elsewhere = Fingerprint({"kernel": "6.12", "cpus": "2"})
    other = scenario().model_copy(update={"service": scenario().service.model_copy(
        update={"port": 81})})  # fmt: skip
    assert calibration_for(Directory(tmp_path), scenario(), elsewhere) is None
    assert calibration_for(Directory(tmp_path), other, MACHINE) is None
    assert saved(tmp_path, calibration(fingerprint=elsewhere)) != stored


def test_facts_of_the_machine_that_need_not_match_do_not_matter(tmp_path: Path) -> None:
    saved(tmp_path, calibration())
    later = replace(MACHINE, facts={"docker": "28"})
    assert calibration_for(Directory(tmp_path), scenario(), later) is not None


def test_calibrations_are_no_campaigns(tmp_path: Path, stored: Path) -> None:
    store = BaselineStore.at(tmp_path)
    assert summaries(store.place) == ()
    assert store.verify() == ()
    assert store.campaigns("shop") == ()


def test_the_summary_has_the_rates_and_what_they_rest_on() -> None:
    text = note_text(summary(calibration()))
    assert "on 2026-03-04 with 6 pairs" in text
    assert "3 of 10000 resampled jobs of up to 40 pairs" in text
    assert "at most 0.08%" in text
    assert "within 1.3 min" in text
    assert "response_p50 +4.30%" in text
    assert "\n" not in text


def test_the_summary_leaves_out_what_was_not_found() -> None:
    blind = replace(METRIC, mde={"5": None, "15": None})
    found = replace(
        FINDINGS, pairs_to_verdict=None, metrics=(blind,), problems=(worded("a"), worded("b"))
    )
    text = note_text(summary(calibration(findings=found)))
    assert "min" not in text
    assert text.endswith("; 2 problems found")


def test_the_note_is_the_summary_whatever_the_budget(tmp_path: Path, stored: Path) -> None:
    assert calibration_note(Directory(tmp_path), scenario(), MACHINE) == summary(calibration())
    budget = scenario(max_pairs=5, max_minutes=1.0)
    assert calibration_note(Directory(tmp_path), budget, MACHINE) == summary(calibration())


def test_a_study_of_another_rule_is_not_shown(tmp_path: Path, stored: Path) -> None:
    text = note_text(calibration_note(Directory(tmp_path), scenario(alpha=0.2), MACHINE))
    assert "2026-03-04" in text
    assert "other settings" in text
    assert "false alarm" not in text


def test_a_damaged_study_is_refused_and_named(tmp_path: Path, stored: Path) -> None:
    stored.write_text(stored.read_text().replace("9900", "9901"))
    with pytest.raises(NoUsableBaseline) as caught:
        calibration_for(Directory(tmp_path), scenario(), MACHINE)
    assert caught.value.reason is Reason.BASELINE_CORRUPT
    assert str(stored) in caught.value.message
    assert "cannot be used" in note_text(calibration_note(Directory(tmp_path), scenario(), MACHINE))


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["findings"].update(jobs=0),
        lambda body: body["findings"].update(pairs=0),
        lambda body: body["findings"].update(false_alarms=10_001),
        lambda body: body["findings"].update(false_alarm_limit=1.5),
        lambda body: body["findings"].update(pair_s=-1.0),
        lambda body: body["findings"].update(metrics=[]),
        lambda body: body["findings"]["metrics"][0].update(name="p50\n# PASS"),
        lambda body: body["findings"]["metrics"][0].update(ratios=[0.0]),
        lambda body: body["findings"]["metrics"][0].update(change_p=2),
        lambda body: body["findings"]["metrics"][0].update(mde={"5": "all"}),
        lambda body: body["findings"].update(pair_s=None),
        lambda body: body["findings"].update(pairs_to_verdict="soon"),
        lambda body: body.update(created="today, [free](http://x)"),
        lambda body: body.update(scenario_name="other"),
        lambda body: body.update(scenario_hash="0" * 16),
        lambda body: body.update(fingerprint={"must_match": {}, "facts": {}}),
        lambda body: body.update(extra=1),
        lambda body: body.pop("seed"),
    ],
)
def test_a_forged_study_is_refused(
    tmp_path: Path, stored: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    forge(stored, change)
    with pytest.raises(NoUsableBaseline) as caught:
        calibration_for(Directory(tmp_path), scenario(), MACHINE)
    assert caught.value.reason is Reason.BASELINE_CORRUPT


def test_a_campaign_is_no_study(tmp_path: Path, stored: Path) -> None:
    document = json.loads(stored.read_text())
    stored.write_text(json.dumps({**document, "schema": "socklat-gate/campaign"}))
    with pytest.raises(NoUsableBaseline) as caught:
        calibration_for(Directory(tmp_path), scenario(), MACHINE)
    assert caught.value.reason is Reason.BASELINE_SCHEMA


def test_a_link_to_a_place_outside_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    stored = saved(root, calibration())
    moved = saved(outside, calibration())
    stored.unlink()
    stored.symlink_to(moved)
    with pytest.raises(NoUsableBaseline, match="outside"):
        calibration_for(Directory(root), scenario(), MACHINE)
    stored.unlink()
    stored.parent.rmdir()
    stored.parent.symlink_to(moved.parent)
    with pytest.raises(UsageError, match="outside") as caught:
        saved(root, calibration())
    assert caught.value.reason is Reason.OUTPUT_NOT_WRITABLE


def test_a_directory_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        saved(tmp_path / "file", calibration())
    assert caught.value.reason is Reason.OUTPUT_NOT_WRITABLE


def test_what_could_not_be_read_again_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    with pytest.raises(NoUsableBaseline):
        write_calibration(path, calibration(findings=replace(FINDINGS, jobs=0)))
    assert not path.exists()
