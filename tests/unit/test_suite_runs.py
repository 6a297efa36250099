"""What is read of a run's output."""

from __future__ import annotations

from tests.benchmarks.suite_runs import Round, outcome_of, rows

OUTPUT = """
FAILED tests/unit/a.py::test_b[c] - assert 1
1 failed, 4000 passed, 3 skipped in 181.20s (0:03:01)
120 passed, 20 deselected in 99.99s (0:01:39)
"""


def test_all_closing_lines_count_and_failed_tests_are_named() -> None:
    assert outcome_of(OUTPUT) == (4120, 3, ("tests/unit/a.py::test_b[c]",))


def test_a_red_round_is_a_row_like_any_other() -> None:
    table = list(rows([Round(True, 1, 660.0, 4120, 3, ("a::b",), 0.0123, 0.9)]))
    assert table[2] == "| 1 | half a CPU | 1 | 11.0 | 4120 | 3 | `a::b` | 90% | 1.2% |"
