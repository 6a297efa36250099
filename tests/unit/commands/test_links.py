"""The drift series on the command line: promote and nights add to it, history and drift show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from socklat_gate.baseline.links import save_link, stored_links
from socklat_gate.baseline.places.location import open_place
from socklat_gate.commands.baseline.drift import drift
from socklat_gate.commands.baseline.history import history
from socklat_gate.commands.baseline.promote import promote
from socklat_gate.commands.baseline.prune import prune
from socklat_gate.commands.baseline.verify import verify
from socklat_gate.commands.gate import gate
from socklat_gate.errors import NoUsableBaseline, UsageError
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.writer import write_reports
from socklat_gate.scenario.loader import load_scenario
from tests.unit.baseline.test_links import gated
from tests.unit.commands.test_drift import TEXT
from tests.unit.job.fakes import stored
from tests.unit.verdict.test_link_series import commit, link


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "socklat.toml").write_text(TEXT, encoding="utf-8")
    return tmp_path / "baselines"


def keep(place: Path, *links: Any) -> None:
    known = load_scenario(place.parent / "socklat.toml").measured_hash()
    for one in links:
        save_link(open_place(str(place)), replace(one, scenario_hash=known))


def shown(command: Any, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["socklat.toml", *arguments], catch_exceptions=False)


def test_the_sum_of_merges_is_shown_without_any_campaign(place: Path) -> None:
    keep(place, *(link(n, n + 1, 0.004, day=n) for n in range(16)))
    told = shown(drift)
    assert told.exit_code == 0  # from merge to merge nothing is judged against a release
    assert "response_p50: +6.4" in told.output
    assert "over 16 merges since 000000000000" in told.output
    listed = shown(history)
    assert listed.exit_code == 0
    assert "sum" in listed.output
    assert listed.output.count("2026-01-") >= 16


def test_nights_slower_than_the_release_exit_with_1(place: Path) -> None:
    keep(place, *(link(100, n, 0.04, nightly=True, day=n, pairs=5) for n in range(12)))
    told = shown(drift)
    assert told.exit_code == 1
    assert "12 nights show more than the tolerance of +2.00%" in told.output
    assert "beside the release" in shown(history).output


def test_nights_that_keep_to_it_do_not(place: Path) -> None:
    keep(place, *(link(100, n, 0.0, nightly=True, day=n) for n in range(12)))
    told = shown(drift)
    assert told.exit_code == 0
    assert "do not show more than the tolerance" in told.output


def test_a_promoted_gate_leaves_its_link(place: Path) -> None:
    out = place.parent / "out"
    out.mkdir()
    write_reports(gated(branch="main"), out)
    done = CliRunner().invoke(promote, [str(out)], catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout.count("\n") == 1
    assert "and the change since its base: " in done.stderr
    (found,) = stored_links(open_place(str(place)), "checkout")
    assert (found.base_commit, found.commit) == (commit(1), commit(2))
    again = CliRunner().invoke(promote, [str(out)], catch_exceptions=False)
    assert again.stdout == done.stdout
    assert len(stored_links(open_place(str(place)), "checkout")) == 1


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.REGRESSION, Outcome.INVALID])
def test_a_night_is_stored_whatever_its_verdict_if_it_measured(
    place: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    made = gated(baseline_commit="", baseline_image="app:1.4")
    made = replace(made, verdict=replace(made.verdict, outcome=outcome))
    asked: dict[str, Any] = {}

    def job(path: Path, scenario: Any, **options: Any) -> Any:
        asked.update(options, scenario=scenario)
        return made

    monkeypatch.setattr("socklat_gate.job.entry.gate_job", job)
    arguments = ["--nightly", "--baseline-image", "app:1.4", "--quiet"]
    done = CliRunner().invoke(
        gate, ["socklat.toml", *arguments], catch_exceptions=False, standalone_mode=False
    )
    assert done.return_value == int(outcome.exit_code)
    assert asked["release"] == "app:1.4"
    assert asked["scenario"].gate.max_minutes == 45.0
    found = stored_links(open_place(str(place)), "checkout")
    assert [one.nightly for one in found] == ([] if outcome is Outcome.INVALID else [True])
    told = "stored for the drift series" if found else "no link of this night"
    assert told in done.stderr


def test_without_a_release_there_is_no_night(place: Path) -> None:
    with pytest.raises(UsageError, match="pinned release"):
        shown(gate, "--nightly")
    assert not place.exists()


def test_a_damaged_link_is_found_and_can_be_removed(place: Path) -> None:
    stored(place, 1)
    keep(place, link(0, 1, 0.0), link(1, 2, 0.0, day=1))
    good, bad = sorted((place / "_links" / "demo").iterdir())
    bad.write_text(bad.read_text("utf-8").replace('"pairs":12', '"pairs":13'), encoding="utf-8")
    with pytest.raises(NoUsableBaseline, match="1 of 3 files"):
        CliRunner().invoke(verify, [], catch_exceptions=False)
    with pytest.raises(NoUsableBaseline, match="was altered"):
        shown(drift)
    removed = CliRunner().invoke(prune, ["--damaged"], catch_exceptions=False)
    assert removed.output.strip().endswith(bad.name)
    assert (good.exists(), bad.exists()) == (True, False)
    assert CliRunner().invoke(verify, [], catch_exceptions=False).output.count("ok  ") == 2
    assert shown(drift).exit_code == 0
