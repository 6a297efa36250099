"""Relative changes, counts and lists in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["listing", "percent", "percent_range", "plural"]


def percent(change: float) -> str:
    """A relative change such as ``+5.0%``; "unknown" for NaN and "unbounded" for infinite ones."""
    if math.isnan(change):
        return "unknown"
    return "unbounded" if math.isinf(change) else f"{change:+.1%}"


def percent_range(low: float, high: float) -> str:
    """An interval of relative changes, such as ``-1.0% to +3.0%``."""
    return f"{percent(low)} to {percent(high)}"


def plural(number: int, noun: str) -> str:
    """``1 pair``, ``2 pairs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listing(sentences: Sequence[str], shown: int = 3) -> str:
    """The first few sentences and how many more there are."""
    text = "; ".join(sentences[:shown])
    return f"{text}; and {len(sentences) - shown} more" if len(sentences) > shown else text
