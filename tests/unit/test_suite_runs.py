"""What is read of a run's output."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.suite_runs import Round, kept_or_measured, outcome_of, rows

OUTPUT = """
FAILED tests/unit/a.py::test_b[c] - assert 1
1 failed, 4000 passed, 3 skipped in 181.20s (0:03:01)
120 passed, 20 deselected in 99.99s (0:01:39)
"""


def test_all_closing_lines_count_and_failed_tests_are_named() -> None:
    assert outcome_of(OUTPUT) == (4120, 3, ("tests/unit/a.py::test_b[c]",))


RED = Round("1234567", True, 1, 660.0, 4120, 3, ("a::b",), 0.0123, 0.9)


def test_a_red_round_is_a_row_like_any_other() -> None:
    expected = "| 1 | `1234567` | half a CPU | 1 | 11.0 | 4120 | 3 | `a::b` | 90% | 1.2% |"
    assert list(rows([RED]))[2] == expected


def test_a_round_that_was_run_before_is_read(tmp_path: Path) -> None:
    (tmp_path / "round-2.json").write_text(json.dumps(asdict(RED)), encoding="utf-8")
    assert kept_or_measured(loaded=False, place=tmp_path, number=2) == RED
