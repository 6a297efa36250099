"""Functions that every verdict needs; scipy.special has them too, and takes 0.3 s to import.

The rarer ones are taken from it where they are needed.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats

__all__ = ["log_sigmoid", "log_sum_exp", "student_quantile"]

HALVINGS = 60
"""Of an angle below pi / 2: down to the last bit of a float."""


def log_sigmoid(x: npt.ArrayLike) -> Floats:
    """Ln(1 / (1 + exp(-x))) of each element, without overflow."""
    return np.asarray(-np.logaddexp(0.0, -np.asarray(x, dtype=np.float64)))


def log_sum_exp(x: npt.ArrayLike) -> Floats:
    """Logarithm of the sum of exp(x) along the first axis, without overflow."""
    return np.asarray(np.logaddexp.reduce(np.asarray(x, dtype=np.float64), axis=0))


@lru_cache(maxsize=256)
def student_quantile(dof: int, level: float) -> float:
    """Quantile of Student's t with ``dof`` degrees of freedom, at least 1; ``level`` in [0.5, 1).

    With t = sqrt(dof) tan(a), P(|T| <= t) is a finite sum in sin(a) and cos(a) for whole ``dof``
    (Abramowitz and Stegun 26.7.3 and 26.7.4), and rises with a.
    """
    if dof < 1 or not 0.5 <= level < 1:
        raise ValueError(f"no quantile at {level} with {dof} degrees of freedom")
    low, high = 0.0, math.pi / 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, dof) < 2 * level - 1 else (low, middle)
    return math.sqrt(dof) * math.tan((low + high) / 2)


def _within(angle: float, dof: int) -> float:
    """P(|T| <= sqrt(dof) tan(angle))."""
    odd = dof % 2
    squared = math.cos(angle) ** 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for k in range(2 + odd, dof + 1, 2):
        total += term
        term *= squared * (k - 1) / k
    share = total * math.sin(angle)
    return 2 / math.pi * (angle + share) if odd else share
