"""How large the change is, and how many more pairs it would take to decide.

Everything is on the log scale: a value x here is a relative change of exp(x) - 1.  ``d`` has shape
(pairs,) and holds finite numbers; `ValueError` otherwise.  A pair is a cluster of pairs or a block
where those are the unit.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.evidence import Floats, log_factors, mixed
from socklat_gate.verdict.interval import walsh_averages
from socklat_gate.verdict.sample import Sample

__all__ = ["FURTHER_LIMIT", "hodges_lehmann", "pairs_to_decide", "projected_evidence"]

FURTHER_LIMIT = 1000
"""Pairs beyond which "so many more" is no useful advice; also the largest budget allowed."""


def hodges_lehmann(d: npt.ArrayLike) -> float:
    """Median of the Walsh averages (d_i + d_j) / 2, i <= j; NaN without pairs.

    The estimate of the centre that belongs to sign-symmetric noise: 96% as efficient as the mean
    under normal noise, and up to 29% of wild pairs cannot carry it away (Hodges and Lehmann 1963).
    Memory grows with pairs squared: 4 MB for 1000.
    """
    averages = walsh_averages(d)
    return float(np.median(averages)) if averages.size else math.nan


def pairs_to_decide(
    d: Sample | npt.ArrayLike,
    d0: float,
    scale: float,
    threshold: float,
    limit: int = FURTHER_LIMIT,
    *,
    seed: int = 0,
) -> int | None:
    """How many more pairs until E_F reaches ``threshold`` if future pairs resemble the seen ones.

    The seen pairs are repeated in seeded random orders.  0 when the evidence was reached by some
    prefix already, None when it is not within ``limit`` more pairs or there is nothing to repeat.
    For the pass side give the mirrored d and ``-d1``: E_P is E_F mirrored.
    """
    factors = log_factors(d, d0, scale)
    if not factors.shape[-1]:
        return None
    if (mixed(np.cumsum(factors, axis=-1)) >= math.log(threshold)).any():
        return 0
    reached = np.flatnonzero(_projected(factors, limit, seed) >= math.log(threshold))
    return int(reached[0]) if reached.size else None


def projected_evidence(
    d: Sample | npt.ArrayLike, d0: float, scale: float, limit: int, *, seed: int = 0
) -> Floats:
    """Logarithm of E_F now and after each of ``limit`` more pairs like the seen ones.

    Shape (limit + 1,); the order is the same for all metrics of the same pairs.  ``d`` must not be
    empty.
    """
    return _projected(log_factors(d, d0, scale), limit, seed)


def _projected(factors: Floats, limit: int, seed: int) -> Floats:
    """``factors``, shape (l, pairs), of the seen pairs."""
    order = _repeated(factors.shape[1], limit, seed)
    future = np.concatenate([factors.sum(axis=1, keepdims=True), factors[:, order]], axis=1)
    return mixed(np.cumsum(future, axis=1))


@lru_cache(maxsize=4)
def _repeated(pairs: int, limit: int, seed: int) -> npt.NDArray[np.intp]:
    """Which of the seen pairs each further one resembles; all metrics of a look share it."""
    rng = np.random.default_rng(seed)
    cycles = np.tile(np.arange(pairs, dtype=np.intp), (-(-limit // pairs), 1))
    return rng.permuted(cycles, axis=1).ravel()[:limit]
