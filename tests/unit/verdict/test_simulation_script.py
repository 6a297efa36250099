from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.simulate_verdict import mde_row
from tests.benchmarks.simulated_jobs import (
    D0,
    D1,
    GATE,
    NO_CHANGE,
    NOISES,
    P99,
    Noise,
    coverage,
    decided,
    half_found,
    only,
)

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "simulate_verdict.py"
JOBS = 600


def three_sigma(rate: float) -> float:
    return rate + 3 * (rate * (1 - rate) / JOBS) ** 0.5


ALWAYS = "normal"
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in NOISES if name != ALWAYS]


@pytest.fixture(params=[ALWAYS, *SLOW])
def noise(request: pytest.FixtureRequest) -> np.ndarray:
    draw: Noise = NOISES[request.param]
    return draw(np.random.default_rng(31), JOBS, GATE.max_pairs)


def test_error_rates_hold_under_every_noise(noise: np.ndarray) -> None:
    assert decided(noise, D0).failed.mean() <= three_sigma(GATE.alpha)
    for metric, change in enumerate(D1):
        wrong = decided(noise, only(metric, change)).wrongly_passed
        assert wrong <= three_sigma(GATE.alpha_pass)
    assert decided(noise, only(3, D1[3])).failed.mean() >= 0.9


def test_the_interval_covers_at_all_looks_together(noise: np.ndarray) -> None:
    for changes in (NO_CHANGE, only(P99, D1[P99])):
        missed = 1.0 - min(coverage(decided(noise, changes), changes))
        assert missed <= three_sigma(0.05)
        assert missed > 0.001


def test_the_predicted_smallest_change_is_the_one_that_half_of_the_jobs_fail() -> None:
    draw = NOISES["normal"]
    cells = mde_row("normal", draw, JOBS, 31)[1:]
    for cell in cells:
        assert abs(int(cell.split("(")[1].rstrip("%)"))) <= 20
    noise = draw(np.random.default_rng(31), JOBS, GATE.max_pairs)
    truth = half_found(decided(noise, NO_CHANGE), P99)
    assert abs(decided(noise, only(P99, np.log1p(truth))).failed.mean() - 0.5) < 0.05


def test_the_script_prints_its_tables_and_the_same_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--jobs", "6"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    first = capsys.readouterr().out
    tables = first.split("\n## ")
    assert [table.splitlines()[0] for table in tables[1:]] == [
        "Errors",
        "The interval",
        "The smallest change that would be found",
        "Rare spikes",
        "Failed requests",
        "Capacity",
        "Stalls that follow one arm's requests",
    ]
    rows = [line.split("|")[1:-1] for line in tables[1].splitlines() if line.startswith("| ")]
    assert len(rows) == 8
    assert {len(row) for row in rows} == {7}
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert capsys.readouterr().out == first
