"""Mean stage times of a slice of the exchanges, from the bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from socklat_gate.measured.run import Bands
from socklat_gate.verdict.arrays import Floats

__all__ = ["slice_means_ns"]


def slice_means_ns(bands: Bands, stages: Sequence[str], low: float, high: float) -> Floats:
    """Mean ns per exchange of each stage between the ranks low and high; shape (stages,).

    Raises `ValueError` without exchanges, for an unknown stage, or unless 0 <= low < high <= 1.
    """
    missing = [stage for stage in stages if stage not in bands.stages]
    if missing:
        raise ValueError(f"the bands hold {', '.join(bands.stages)}, not {', '.join(missing)}")
    if not 0 <= low < high <= 1:
        raise ValueError(f"a slice lies between two ranks in [0, 1], not {low} and {high}")
    used = np.flatnonzero(bands.count)
    if used.size == 0:
        raise ValueError("bands without exchanges have no slices")
    count = bands.count[used].astype(np.float64)
    upper = np.cumsum(count)
    total = upper[-1]
    inside = np.minimum(upper, high * total) - np.maximum(upper - count, low * total)
    weight = np.clip(inside, 0.0, count) / count
    columns = [bands.stages.index(stage) for stage in stages]
    sums = weight @ bands.sums_ns[used][:, columns].astype(np.float64)
    return np.asarray(sums / ((high - low) * total))
