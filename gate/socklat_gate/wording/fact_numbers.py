"""Numbers of a fact, whoever wrote the document that it comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping

from socklat_gate.measured.facts import Scalar

__all__ = ["count_of", "number_of"]


def number_of(numbers: Mapping[str, Scalar], name: str) -> float:
    """NaN where there is no such number."""
    value = numbers.get(name)
    return float(value) if isinstance(value, (int, float)) else math.nan


def count_of(numbers: Mapping[str, Scalar], name: str) -> int:
    """0 where there is no such number."""
    value = number_of(numbers, name)
    return int(value) if math.isfinite(value) else 0
