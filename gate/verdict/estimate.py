"""How large the change is, how well it is known, and what it would take to know it better.

Everything is on the log scale: a value x here is a relative change of exp(x) - 1.  ``d`` has shape
(pairs,) and holds finite numbers; `ValueError` otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from gate.verdict.evidence import fail_evidence, pass_evidence, running_fail_evidence

__all__ = ["FURTHER_LIMIT", "confidence_interval", "further_pairs", "hodges_lehmann", "mde"]

FURTHER_LIMIT = 1000
"""Pairs beyond which "so many more" is no useful advice; also the largest budget allowed."""


def hodges_lehmann(d: npt.ArrayLike) -> float:
    """Median of the Walsh averages (d_i + d_j) / 2, i <= j; NaN without pairs.

    The estimate of the centre that belongs to sign-symmetric noise: 96% as efficient as the mean
    under normal noise, and up to 29% of wild pairs cannot carry it away (Hodges and Lehmann 1963).
    Memory grows with pairs squared: 4 MB for 1000.
    """
    values = np.asarray(d, dtype=np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise ValueError("log ratios have shape (pairs,) and are finite")
    if values.size == 0:
        return math.nan
    first, second = np.triu_indices(values.size)
    return float(np.median((values[first] + values[second]) / 2.0))


def confidence_interval(d: npt.ArrayLike, scale: float, level: float = 0.95) -> tuple[float, float]:
    """Interval that covers the true log change with probability >= level after every pair at once.

    Inverts the evidence: {x : E_F(x) < 2/a and E_P(x) < 2/a}, a = 1 - level, a confidence sequence
    (Howard and Ramdas, arXiv 1906.09712) valid at any stopping time.  n pairs carry less evidence
    than 2**n, so at 95% both ends are infinite up to 5 pairs.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level lies in (0, 1), not {level}")
    values = np.asarray(d, dtype=np.float64)
    needed = 2.0 / (1.0 - level)
    low = _crossing(lambda x: fail_evidence(values, x, scale), values, scale, needed, -1)
    high = _crossing(lambda x: pass_evidence(values, x, scale), values, scale, needed, +1)
    return low, high


def mde(d: npt.ArrayLike, d0: float, scale: float, needed: float) -> float:
    """Smallest true log change that pairs with these residuals would have failed, or inf.

    The residuals d - HL(d) are moved until the largest E_F over the prefixes, the quantity that
    decides, reaches ``needed``.  Infinite when so few pairs cannot reach it whatever the change.
    """
    values = np.asarray(d, dtype=np.float64)
    centre = hodges_lehmann(values)
    if values.size == 0:
        return math.inf
    residuals = values - centre

    # Moving the limit down by x is moving the pairs up by x.
    def evidence(limit: float) -> float:
        return float(running_fail_evidence(residuals, limit, scale).max())

    limit = _crossing(evidence, residuals, scale, needed, -1)
    return math.inf if math.isinf(limit) else d0 - limit


def further_pairs(
    d: npt.ArrayLike,
    d0: float,
    scale: float,
    needed: float,
    limit: int = FURTHER_LIMIT,
    *,
    seed: int = 0,
) -> int | None:
    """How many more pairs until E_F reaches ``needed`` if future pairs resemble the seen ones.

    The seen pairs are repeated in seeded random orders.  0 when the evidence was reached by some
    prefix already, None when it is not within ``limit`` more pairs or there is nothing to repeat.
    For the pass side give ``-d`` and ``-d1``: E_P is E_F mirrored.
    """
    values = np.asarray(d, dtype=np.float64)
    if values.size == 0:
        return None
    rng = np.random.default_rng(seed)
    cycles = -(-limit // values.size)
    future = rng.permuted(np.tile(values, (cycles, 1)), axis=1).ravel()[:limit]
    evidence = running_fail_evidence(np.concatenate([values, future]), d0, scale)
    reached = np.flatnonzero(evidence >= math.log(needed))
    return max(0, int(reached[0]) + 1 - values.size) if reached.size else None


def _crossing(
    log_evidence: Callable[[float], float],
    d: npt.NDArray[np.float64],
    scale: float,
    needed: float,
    direction: int,
) -> float:
    """Where evidence that grows in ``direction`` reaches ``needed``; infinite if it never does."""
    if not needed > 1:
        raise ValueError(f"evidence starts at 1, so {needed} is no threshold")
    target = math.log(needed)
    if d.size == 0 or d.size * math.log(2.0) <= target:
        return direction * math.inf
    # On the far side of all pairs every factor is at most 1, so the evidence is too.
    near = float(d.min() if direction > 0 else d.max())
    spread = float(np.ptp(d)) + scale
    far = near + direction * spread
    while log_evidence(far) < target:
        spread *= 2.0
        # Rounding can keep n pairs just below 2**n: then the data do not bound it either.
        if not math.isfinite(spread) or spread > 1e6 * (float(np.ptp(d)) + scale):
            return direction * math.inf
        far = near + direction * spread
    return float(brentq(lambda x: log_evidence(x) - target, near, far, xtol=1e-9 * scale))
