from __future__ import annotations

from tests.benchmarks.startup import Start, goals_text

STARTS = [Start("`a`", (), 0.45), Start("`b`", (), 0.2), Start("`c`", ())]


def test_a_missed_goal_is_stated_with_what_lacks() -> None:
    assert goals_text(STARTS, [0.52, 0.2, 9.0]) == (
        "Goals missed:\n\n- `a`: 0.52 s, 0.07 s beyond its goal of 0.45 s"
    )


def test_goals_that_are_met_are_said_to_be() -> None:
    assert goals_text(STARTS, [0.45, 0.1, 9.0]) == "All goals are met."
