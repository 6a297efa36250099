"""From the log scale, on which everything is estimated, to relative changes."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["relative"]


def relative(log_change: float) -> float:
    """exp(x) - 1 as a relative change; infinite ends stay infinite, so -inf means unbounded."""
    if log_change == -math.inf:
        return -math.inf
    with np.errstate(over="ignore"):
        return float(np.expm1(log_change))
