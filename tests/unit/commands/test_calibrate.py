from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from socklat_gate.baseline.calibrations import read_calibration
from socklat_gate.commands.root import cli
from socklat_gate.errors import Exit, InvalidMeasurement, Reason
from socklat_gate.verdict import aa_findings
from tests.unit.job.fakes import IMAGE, FakeRig, Step, opening

NOISE: list[Step] = [0.01, -0.02, 0.005, 0.0, 0.015, -0.01]
SCENARIO = """
name = "demo"
[service]
image = "demo:2"
port = 80
[load]
driver = "http"
[[gate.metrics]]
quantile = 0.5
tolerance = 0.02
regression_threshold = 0.05
"""

Calibrate = Callable[[Sequence[Step]], Result]


@pytest.fixture
def calibrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calibrate:
    """The command with six pairs, which are what the steps of a fake rig say."""
    (tmp_path / "socklat.toml").write_text(SCENARIO)
    monkeypatch.setattr("socklat_gate.job.entry.ready_client", lambda progress: None)
    monkeypatch.setattr("socklat_gate.job.images.image_under_test", lambda *arguments: IMAGE)
    # How good the resampling is has tests of its own.
    monkeypatch.setattr(aa_findings, "JOBS", 200)
    monkeypatch.setattr(aa_findings, "MOST_PAIRS", 40)

    def run(steps: Sequence[Step]) -> Result:
        monkeypatch.setattr("socklat_gate.job.aa_job.Rig", opening(FakeRig(steps)))
        scenario, out = str(tmp_path / "socklat.toml"), str(tmp_path / "out")
        options = ["--pairs", "6", "--seed", "3", "--out", out]
        return CliRunner().invoke(cli, ["calibrate", scenario, *options])

    return run


def test_a_study_is_printed_written_and_stored(calibrate: Calibrate, tmp_path: Path) -> None:
    done = calibrate(NOISE)
    assert done.exit_code == Exit.PASS, done.output
    assert done.stderr.count("pair 6/6") == 1
    for said in (
        "6 pairs of demo:2",
        "response_p50",
        "false alarms: ",
        "rest on 6 pairs",
        "expected: ",
    ):
        assert said in done.stdout
    written = read_calibration(tmp_path / "out" / "calibration.json")
    assert (written.seed, written.findings.pairs) == (3, 6)
    assert written.findings.proposal is not None
    assert written.findings.proposal.present.rate == 1000.0
    (stored,) = (tmp_path / "baselines").rglob("*.json")
    assert str(stored) in done.stdout
    assert read_calibration(stored) == written


def test_an_older_study_does_not_pass_for_one_that_failed(
    calibrate: Calibrate, tmp_path: Path
) -> None:
    calibrate(NOISE)
    for stored in (tmp_path / "baselines").rglob("*.json"):
        stored.unlink()
    failed = calibrate([InvalidMeasurement(Reason.SERVICE_DIED, "exited with code 1")])
    assert isinstance(failed.exception, InvalidMeasurement)
    assert not (tmp_path / "out" / "calibration.json").exists()
    assert not list((tmp_path / "baselines").rglob("*.json"))
