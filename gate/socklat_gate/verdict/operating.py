"""Operating curves: how many jobs find a change of a certain size, and how soon.

By resampled pairs (`verdict.resampling`): a change is added to one metric of equal arms, and every
job is judged after every cluster.  A job that passes before does not find it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.resampling import (
    Bools,
    MetricTest,
    Resampled,
    first_pass,
)

__all__ = ["CHANGES", "ends_of", "found_within"]

CHANGES = (1.0, 1.5, 2.0, 4.0)
"""The sizes that are looked at, in units of a metric's regression threshold."""


def ends_of(
    test: MetricTest, drawn: Resampled, others: Sequence[Bools], change: float
) -> tuple[Floats, Floats]:
    """Clusters until each job fails by this metric alone, and until it passes; inf for never.

    ``change`` is relative; ``others`` say when the other metrics let each job pass, as of
    `MetricTest.lets_pass`.
    """
    effect = math.log1p(change)
    fail = test.first_fail(drawn, effect)
    passed = first_pass([*others, test.lets_pass(drawn, effect)])
    return np.where(fail <= passed, fail, np.inf), np.where(passed < fail, passed, np.inf)


def found_within(
    test: MetricTest,
    drawn: Resampled,
    others: Sequence[Bools],
    change: float,
    clusters: Sequence[int],
) -> list[float]:
    """Share of the jobs that find the change within each number of clusters."""
    fail, _ = ends_of(test, drawn, others, change)
    return [float((fail <= most).mean()) for most in clusters]
