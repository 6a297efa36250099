from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.commands.baseline.drift import drift
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.scenario.loader import load_scenario
from tests.unit.job.fakes import run as whole_run
from tests.unit.verdict.builders import campaign_of

TEXT = """
name = "demo"
[service]
port = 80
[load]
driver = "http"
[[gate.metrics]]
quantile = 0.5
tolerance = 0.02
regression_threshold = 0.05
"""


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Twelve campaigns of which the later half is 80% slower; the first five are the release."""
    scenario = tmp_path / "socklat.toml"
    scenario.write_text(TEXT, encoding="utf-8")
    planned = load_scenario(scenario)
    store = BaselineStore.at(tmp_path / "baselines")
    for day in range(12):
        runs = [whole_run((0.6 if day >= 6 else 0.0) + 0.001 * (day + at)) for at in range(2)]
        store.save(
            replace(
                campaign_of(runs),
                scenario_name="demo",
                scenario_hash=planned.measured_hash(),
                created=f"2026-03-{1 + day:02d}T05:06:07Z",
                commit=("a" if day < 5 else "b") * 40,
                image=f"demo:{1 if day < 5 else 2}",
            )
        )
    return tmp_path


def run(stored: Path, *arguments: str, raised: bool = False) -> Result:
    names = [str(stored / "socklat.toml"), "--baselines", str(stored / "baselines")]
    return CliRunner().invoke(drift, [*names, *arguments], catch_exceptions=raised)


@pytest.mark.parametrize("release", ["aaaaaaa", "demo:1"])
def test_a_release_left_behind_exits_with_1(stored: Path, release: str) -> None:
    done = run(stored, "--release", release)
    assert done.exit_code == 1
    assert "the pinned release, more than the tolerance of +2.00%" in done.output
    assert "response_p50: +8" in done.output
    assert "from 2026-03-07 (commit bbbbbbbbbbbb) on" in done.output


def test_without_a_release_changes_are_told_only(stored: Path) -> None:
    done = run(stored)
    assert done.exit_code == 0
    assert done.output.count("response_p50") == 1


def test_an_unknown_release_is_named(stored: Path) -> None:
    for release in ("v9", "aaa"):  # too short for a commit
        with pytest.raises(UsageError, match="comparable campaigns is of release") as caught:
            run(stored, "--release", release)
        assert caught.value.reason is Reason.BAD_ARGUMENT


def test_nothing_stored_is_no_baseline(stored: Path, tmp_path: Path) -> None:
    (stored / "socklat.toml").write_text(TEXT.replace("port = 80", "port = 81"), encoding="utf-8")
    with pytest.raises(NoUsableBaseline) as caught:
        run(stored)
    assert caught.value.reason is Reason.BASELINE_EMPTY
