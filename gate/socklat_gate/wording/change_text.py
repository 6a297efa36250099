"""A metric's change in words: its size, its interval, and what of it is not shown yet."""

from __future__ import annotations

import math

from socklat_gate.measured.verdict import MetricVerdict, Outcome
from socklat_gate.wording.container_metrics import kind_of
from socklat_gate.wording.units import change, count, interval

__all__ = ["bounds_text", "change_text", "incomplete_text", "is_incomplete", "pairs_text"]


def change_text(metric: MetricVerdict) -> str:
    """``+19.0% (interval +17.0% to +21.0%)``."""
    return f"{change(metric.change)}{bounds_text(metric)}"


def bounds_text(metric: MetricVerdict, *, plus: bool = True) -> str:
    """The interval in brackets; its signs may go when "slower" says them, if both are plus."""
    if not (math.isfinite(metric.ci_low) and math.isfinite(metric.ci_high)):
        return ""
    shown = interval(metric.ci_low, metric.ci_high)
    if not plus and metric.ci_low > 0:
        shown = shown.replace("+", "")
    return f" (interval {shown})"


def is_incomplete(metric: MetricVerdict) -> bool:
    """Whether an undecided metric is beyond its tolerance with its whole interval.

    It is slower, and the job had ended, for another metric or its budget, before the evidence was
    enough for the error rate that the gate promises.
    """
    return (
        metric.verdict is Outcome.INCONCLUSIVE
        and not metric.shortfalls
        and math.isfinite(metric.ci_low)
        and metric.ci_low > metric.tolerance
    )


def incomplete_text(metric: MetricVerdict) -> str:
    """``is slower, evidence incomplete: +19.0% (...)``; empty for any other metric."""
    if not is_incomplete(metric):
        return ""
    return f" is {kind_of(metric.stage).worse}, evidence incomplete: {change_text(metric)}"


def pairs_text(number: int, more: str = "", containers: int = 1) -> str:
    """``1 pair``, ``12 more pairs``; ``3 blocks of 2 + 2 containers``, ``1 more block``."""
    ending = "" if number == 1 else "s"
    if containers == 1:
        return f"{count(number)} {more}pair{ending}"
    of = "" if more else f" of {containers} + {containers} containers"
    return f"{count(number)} {more}block{ending}{of}"
