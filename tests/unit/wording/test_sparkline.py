from __future__ import annotations

import math

import pytest

from socklat_gate.wording.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([5.0], "▅"),
        ([1.0, 1.0], "▅▅"),
        ([0.0, 7.0], "▁█"),
        (list(range(8)), "▁▂▃▄▅▆▇█"),
        ([1.0, math.nan, 2.0, math.inf], "▁ █ "),
        ([math.nan], " "),
        ([0.0, 1e-300], "▁█"),
        ([-1.0, 0.0, 1.0], "▁▅█"),
    ],
)
def test_bars_reach_from_the_lowest_to_the_highest(values: list[float], line: str) -> None:
    assert sparkline(values) == line


def test_only_the_latest_are_shown() -> None:
    assert sparkline([9.0] + [0.0, 1.0] * 3, longest=6) == "▁█▁█▁█"
    assert len(sparkline([1.0] * 1000)) == 40
