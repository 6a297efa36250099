"""The A/A study of a runner, as people start it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from socklat_gate.baseline.calibrations import read_calibration
from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

Scenario = Callable[..., Path]


@pytest.mark.slow  # tests/unit/commands/test_calibrate.py has pairs that nobody measured
def test_a_study_is_printed_written_and_stored(gate: Gate, scenario: Scenario) -> None:
    done = gate.run("calibrate", scenario(), "--pairs", 6, "--seed", 3, apart=True)
    assert done.code == Exit.PASS, done.stderr
    assert done.stderr.count("pair 6/6") == 1
    for said in (f"6 pairs of {DELAY_TAG}", "response_p50", "false alarms: ", "rest on 6 pairs"):
        assert said in done.stdout
    written = read_calibration(done.out / "calibration.json")
    assert (written.seed, written.findings.pairs) == (3, 6)
    (stored,) = (gate.directory / "baselines").rglob("*.json")
    assert str(stored) in done.stdout
    assert read_calibration(stored) == written


def test_no_time_for_enough_pairs_gives_no_rate_and_leaves_no_older_study(
    gate: Gate, scenario: Scenario
) -> None:
    gate.out.mkdir()
    (gate.out / "calibration.json").write_text("{}")
    done = gate.run("calibrate", scenario(), "--minutes", 0.001)
    text = done.refused(Exit.INVALID, Reason.TOO_FEW_SAMPLES)
    assert "are needed for a false-alarm rate" in text
    assert "false alarms" not in done.stdout
    assert not (gate.out / "calibration.json").exists()
    assert not (gate.directory / "baselines").exists()


def test_fewer_pairs_than_needed_are_refused_at_once(gate: Gate, scenario: Scenario) -> None:
    done = gate.run("calibrate", scenario(), "--pairs", 5)
    done.refused(Exit.USAGE, Reason.BAD_ARGUMENT)
