"""``load.rate``: so many requests a second, or steps of it that repeat with the window's length.

A step is [seconds from the window's begin, requests per second].  A run that is extended begins the
shape anew, so that a longer run has the same mixture of calm and busy; the warm-up is at the rate
of the first step.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from socklat_gate.scenario.load import Load

__all__ = ["check_steps", "mean_rate", "peak_rate", "steps_of"]

MAX_STEPS = 1000


def check_steps(steps: Sequence[Sequence[float]]) -> None:
    """Raises `ValueError` for what is no shape."""
    if not 1 <= len(steps) <= MAX_STEPS:
        raise ValueError(f"a shape has from 1 to {MAX_STEPS} steps")
    for step in steps:
        if len(step) != 2:
            raise ValueError(
                "a step has two numbers: seconds from the window's begin, requests per second"
            )
    times = [step[0] for step in steps]
    if times[0] != 0:
        raise ValueError("the first step begins at 0 seconds")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise ValueError("each step begins later than the one before")
    if steps[0][1] == 0:
        raise ValueError("the first rate must be above 0: it is the warm-up's")


def steps_of(load: Load) -> Sequence[Sequence[float]]:
    """The shape as steps; one of a load at the same rate throughout.

    Not of a rate that has still to be found (`scenario.found_rate`).
    """
    assert load.rate != "auto", "whoever sends a load has found its rate"
    return load.rate if isinstance(load.rate, list | tuple) else [[0.0, float(load.rate)]]


def mean_rate(load: Load) -> float:
    """Requests a second over a window of ``load.duration_s``."""
    steps = steps_of(load)
    if len(steps) == 1:
        return float(steps[0][1])
    ends = [*(step[0] for step in steps[1:]), load.duration_s]
    sent = sum((end - begin) * rate for (begin, rate), end in zip(steps, ends, strict=True))
    return float(sent / load.duration_s)


def peak_rate(load: Load) -> float:
    """Requests a second at the busiest."""
    return max(step[1] for step in steps_of(load))
