from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "simulate_verdict.py"


def test_the_script_prints_a_row_per_noise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--jobs", "200"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    first = capsys.readouterr().out
    rows = [line.split("|")[1:-1] for line in first.splitlines() if line.startswith("| ")]
    assert len(rows) == 7
    assert {len(row) for row in rows} == {7}
    assert [cell.strip() for cell in rows[1]][:2] == ["normal", "0.00%"]
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert capsys.readouterr().out == first
