"""Evidence that one arm's containers have more of something: a permutation e-value.

n containers have a score x_c each, and k of them are the candidate's.  For a rate l,

    E(l) = exp(l * sum of the candidate's x_c)  /  mean over all C(n, k) labelings of the same

has mean exactly 1 if, given the scores, each labeling is as likely as any other; whatever the
scores' distribution is, however they depend on one another.  So is the mean of it over some l.  The
scores must not know the labels.  The mean over labelings is the k-th elementary symmetric
polynomial of exp(l x_c) over C(n, k), by the recursion over containers

    m_k after c containers  =  (1 - k/c) m_k  +  (k/c) exp(l x_c) m_(k-1)

of means of products, in which all terms are positive: it is exact up to rounding.

References: Fisher 1935 and Pitman 1937 (permutation tests); Ramdas et al., arXiv 2210.01948;
Koning, arXiv 2310.01153 (e-values of permutation tests).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats

__all__ = ["RATES", "log_e_by_rate", "log_e_values", "mean_over_rates"]

RATES = (1.0, 2.0, 4.0)
"""The l of the mean, per unit of a score."""

MOST_EXPONENT = 600.0
"""Of a product of exp(): scores that are 4 apart, the most there are, let 75 containers an arm."""


def log_e_values(scores: npt.ArrayLike, candidates: int, rates: npt.ArrayLike = RATES) -> Floats:
    """Logarithm of the mean of E(l) over the rates; scores (..., n) -> (...).

    As of `log_e_by_rate`.
    """
    return mean_over_rates(log_e_by_rate(scores, candidates, rates))


def mean_over_rates(log_e: Floats) -> Floats:
    """Logarithms of E(l), shape (rates, ...) -> (...), that of their mean."""
    return np.asarray(np.logaddexp.reduce(log_e, axis=0) - math.log(len(log_e)))


def log_e_by_rate(scores: npt.ArrayLike, candidates: int, rates: npt.ArrayLike = RATES) -> Floats:
    """Logarithm of E(l) for each rate; scores (..., n) -> (rates, ...).

    The candidate's containers are the last ``candidates`` of the n.  Those of containers whose
    labels are drawn apart from one another's add up.  Raises `ValueError` for scores that are not
    finite, or so far apart that E(l) cannot be computed.
    """
    x = np.asarray(scores, dtype=np.float64)
    n, k = x.shape[-1], candidates
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} containers cannot be the candidate's")
    if not np.all(np.isfinite(x)):
        raise ValueError("scores must be finite")
    if k in (0, n):
        return np.zeros((np.size(rates), *x.shape[:-1]))
    # About the middle of their range, so that products of k are neither 0 nor infinite.
    x = x - (x.max(axis=-1, keepdims=True) + x.min(axis=-1, keepdims=True)) / 2.0
    rate = np.asarray(rates, dtype=np.float64).reshape(-1, *[1] * x.ndim)
    exponents = rate * x  # shape (rates, ..., n)
    if exponents.size and exponents.max() * k > MOST_EXPONENT:
        raise ValueError(f"scores are too far apart: {2.0 * x.max():g}")
    factors = np.exp(exponents)
    means = np.zeros((*factors.shape[:-1], k + 1))
    means[..., 0] = 1.0
    sizes = np.arange(1, k + 1)
    for at in range(n):
        share = sizes / (at + 1)
        took = share * factors[..., at, np.newaxis] * means[..., :-1]
        means[..., 1:] = np.maximum(1.0 - share, 0.0) * means[..., 1:] + took
    return np.asarray(exponents[..., n - k :].sum(axis=-1) - np.log(means[..., k]))
