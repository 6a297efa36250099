"""What was compared with the truth, case by case, for the tables of ``docs/lab/kernels.md``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict

__all__ = ["Case", "Compared", "note", "recording"]


class Compared(TypedDict):
    """One quantile of a stage in ns: the bounds by the service's own clock, the probe's value."""

    least_ns: float
    most_ns: float
    measured_ns: float


class Case(TypedDict):
    """One stage of one test."""

    case: str
    stage: str
    quantiles: dict[str, Compared]


_current: list[Case] = []


@contextmanager
def recording() -> Iterator[list[Case]]:
    """Gives the list that `note` appends to meanwhile."""
    global _current  # noqa: PLW0603 - the assertions that note are not handed a recorder
    before, _current = _current, []
    try:
        yield _current
    finally:
        _current = before


def note(stage: str, quantiles: dict[str, Compared]) -> None:
    """Notes under the running test's name; keys are ``p50`` and ``p99``, or ``mean``."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "")
    case = re.sub(r"^.*::| \(\w+\)$", "", test)
    _current.append({"case": case, "stage": stage, "quantiles": quantiles})
