"""Weights by which each named request has its share of the scenario in the whole distribution.

Which request comes when is drawn at random, so that a pair's arms have somewhat different mixes,
and an arm that leaves requests of one name without a response has another mix than was sent.
Quantiles of the pooled exchanges move with it though no request is slower or faster.
Post-stratified (Cochran 1977, Sampling Techniques, section 5A.9), exchange i of stratum h, which
weighs w_i, counts

    w_i * p_h * W / W_h,      W_h = sum of w_i in h,      W = sum over all strata,

p_h being the stratum's share of the scenario.  The whole then is the mixture of the strata's own
distributions with known shares: unbiased, and without the noise of the shares, which is worth it
with more than 20 in every stratum (ibid.).  Names with fewer are pooled to one stratum, in both
arms alike; exchanges whose request is not known keep their own weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from socklat_gate.stalls.timeline import I64

__all__ = ["LEAST", "scenario_shares"]

LEAST = 20
"""Exchanges that a stratum has in each arm, at the least."""

Floats = npt.NDArray[np.float64]


def scenario_shares(
    kinds: Sequence[I64], weights: Sequence[Floats], shares: Floats
) -> list[Floats]:
    """``weights`` by arm, so that each kind with a share in ``shares`` has that share.

    ``kinds`` has the index of each exchange in ``shares``, or -1; all arms get the same strata.
    """
    used = np.array(
        [
            np.bincount(kind[(kind >= 0) & (weight > 0)], minlength=shares.size)
            for kind, weight in zip(kinds, weights, strict=True)
        ]
    )
    strata = _strata(used.min(axis=0), shares)
    return [
        _weighted(kind, weight, strata, shares) for kind, weight in zip(kinds, weights, strict=True)
    ]


def _strata(used: I64, shares: Floats) -> I64:
    """The stratum of each kind: its own, or the one that pools small ones, which is 0."""
    order = np.lexsort((shares, used))
    small = int(np.count_nonzero(used < LEAST))
    if small:  # as many more, the smallest first, as make it large enough
        enough = np.flatnonzero(np.cumsum(used[order]) >= LEAST)
        small = max(small, int(enough[0]) + 1 if enough.size else used.size)
    strata = np.zeros(used.size, dtype=np.int64)
    strata[order[small:]] = np.arange(1, used.size - small + 1)
    return strata


def _weighted(kind: I64, weight: Floats, strata: I64, shares: Floats) -> Floats:
    known = kind >= 0
    stratum = strata[kind[known]]
    share = np.bincount(strata, weights=shares)
    have = np.bincount(stratum, weight[known], minlength=share.size).astype(np.float64)
    factor = np.divide(share * have.sum(), have, out=np.zeros_like(have), where=have > 0)
    # A share that nothing can have is the others', so that the sum stays.
    factor /= share[have > 0].sum() or 1.0
    found = weight.copy()
    found[known] *= factor[stratum]
    return found
