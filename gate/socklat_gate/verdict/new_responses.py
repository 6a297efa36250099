"""Responses of the candidate that the baseline never gives, however few they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from socklat_gate.measured.histogram import Histogram, bucket_edges_ns
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.share_noise import Chance

__all__ = ["SHIFT", "beyond_all", "is_new"]

SHIFT = 1.2
"""Sizes within this factor count as the same."""

RARE = 0.05
"""Of more than that share the noise is known (`verdict.share_noise`): it may be what starts differ
by, as pages of random sizes."""

RUNS_LEVEL = 0.125
"""Runs are few: three of the candidate's, beside as many of the baseline's without."""


def is_new(
    theirs: Floats, ours: Floats, theirs_of: Floats, ours_of: Floats, chance: Chance
) -> bool:
    """Whether the candidate rarely does what the baseline never does, too often for chance.

    Were it as rare in both, each such request (run) would be the candidate's by its part of all of
    them.
    """
    count = float(ours.sum())
    if theirs.sum() or not 0 < count <= RARE * float(ours_of.sum()):
        return False
    requests = float(ours_of.sum() / (ours_of.sum() + theirs_of.sum())) ** count
    runs = (ours.size / (ours.size + theirs.size)) ** int(np.count_nonzero(ours))
    return requests <= 1.0 - chance.level and runs <= RUNS_LEVEL


def beyond_all(
    theirs: Sequence[Histogram],
    ours: Sequence[Histogram],
    failed: Sequence[int],
    chance: Chance,
    *,
    larger: bool = False,
) -> tuple[float, float]:
    """Share of the candidate's that are smaller (larger) than all of the baseline's by `SHIFT`.

    And the size that they do not exceed (reach); 0 twice when chance makes as many.  As many as
    ``failed`` in each run are taken for those, which are judged as errors.
    """
    base, mine = (np.array([one.counts for one in arm], np.float64) for arm in (theirs, ours))
    edges = np.asarray(bucket_edges_ns(), np.float64)
    shown = np.flatnonzero(base.sum(axis=0))
    if larger:
        limit = float(edges[shown[-1] + 1]) * SHIFT
        there = edges[:-1] >= limit
    else:
        limit = float(edges[shown[0]]) / SHIFT
        there = edges[1:] <= limit
    counts = np.maximum(mine[:, there].sum(axis=1) - np.asarray(failed, np.float64), 0.0)
    totals = base.sum(axis=1), mine.sum(axis=1)
    if not is_new(np.zeros(len(theirs)), counts, *totals, chance):
        return 0.0, 0.0
    return float(counts.sum() / totals[1].sum()), limit
