"""A series of numbers as one line of small bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["sparkline"]

BARS = "▁▂▃▄▅▆▇█"
LONGEST = 40


def sparkline(values: Sequence[float], longest: int = LONGEST) -> str:
    """One bar a value, the last ``longest`` of them, from the lowest to the highest shown.

    A value that is not finite leaves a gap; without any difference all bars are half high.
    """
    shown = list(values)[-longest:]
    known = [value for value in shown if math.isfinite(value)]
    if not known:
        return " " * len(shown)
    low, span = min(known), max(known) - min(known)
    return "".join(_bar((value - low) / span if span else 0.5, value) for value in shown)


def _bar(height: float, value: float) -> str:
    return BARS[min(len(BARS) - 1, int(height * len(BARS)))] if math.isfinite(value) else " "
