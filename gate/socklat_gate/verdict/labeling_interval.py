"""The interval of a change by a few blocks of k + k containers, from the ways to label these.

Within a block each of the C(2k, k) ways to call k containers the candidate's was as likely, so for
the true change theta, taken off the candidate's containers, the sum over the blocks of the
difference of the arms' means is as likely to have any rank among those of all labelings together.
Turned around (Fisher; Lehmann 1975, section 2.6), with C and O the sums over the blocks of a
labeling's contrast and of its overlap with the true one, of which those are C_0 and O_0:

    the ratios r = (C_0 - C) / (O_0 - O) of all other labelings, in order of size,

the m-th smallest and the m-th largest of them miss theta with a chance of m / (number of labelings)
each.  Two blocks of 2 + 2 have 36 labelings, where two pairs have 4.  With k = 1 the ratios are the
means of all choices of the pairs (Hartigan 1969).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.interval import ROUNDED
from socklat_gate.verdict.sample import Sample, sample_of_units

__all__ = ["MOST_LABELINGS", "labeling_interval"]

MOST_LABELINGS = 10_000
"""Of all blocks together; of more than that, as many are drawn (seeded), which is as exact."""


def labeling_interval(units: npt.ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Interval for a shift of the candidate's containers; ``units`` (blocks, 2, k), baseline first.

    It covers the shift with at least ``level``, but for rounding as of `verdict.interval`: where
    one labeling alone is just more than a tail, 94.4% in place of 95%.  Infinite with fewer
    labelings.  Raises `ValueError` for a level outside (0, 1) and as `sample_of_units` does.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level lies in (0, 1), not {level}")
    sample = sample_of_units(units)
    if not sample.size:
        return -math.inf, math.inf
    contrasts, overlaps, count = _labelings(sample)
    tail = (1.0 - level) / 2.0
    rank = int(tail * count + 1e-9)
    if not rank:
        if 1.0 / count > ROUNDED * tail + 1e-12:
            return -math.inf, math.inf
        rank = 1
    rank -= count - 1 - contrasts.size
    if rank < 1:
        return -math.inf, math.inf
    true = float(sample.d.sum())
    ratios = np.sort((true - contrasts) / (sample.size - overlaps))
    return float(ratios[rank - 1]), float(ratios[-rank])


def _labelings(sample: Sample) -> tuple[Floats, Floats, int]:
    """Sums over the blocks of each labeling of all of them but the true one, and their count.

    The count has the true one, and it once more for each time that it was drawn again: then it is
    at least as large as itself and as small.
    """
    if sample.contrasts is None or sample.overlaps is None:
        contrasts = np.stack([sample.d, -sample.d], axis=1)
        overlaps = np.array([1.0, -1.0])
    else:
        contrasts = np.concatenate([sample.contrasts, -sample.contrasts], axis=1)
        overlaps = np.concatenate([sample.overlaps, -sample.overlaps])
    if overlaps.size**sample.size <= MOST_LABELINGS:
        sums, shared = np.zeros(1), np.zeros(1)
        for block in contrasts:
            sums = (sums[:, np.newaxis] + block).ravel()
            shared = (shared[:, np.newaxis] + overlaps).ravel()
        return sums[1:], shared[1:], sums.size
    rng = np.random.default_rng(0)
    chosen = rng.integers(overlaps.size, size=(MOST_LABELINGS - 1, sample.size))
    chosen = chosen[chosen.any(axis=1)]
    sums = contrasts[np.arange(sample.size), chosen].sum(axis=1)
    return sums, overlaps[chosen].sum(axis=1), MOST_LABELINGS
