"""Sequential evidence (e-values) for and against a regression of one metric.

With d_i = ln Q(candidate_i) - ln Q(baseline_i) of pair i, sigma the logistic function and some l_i
that is fixed before the sign of d_i - d0 is known:

    E_F = mean over l of prod_i 2 sigma( 2 l_i (d_i - d0))     against "the change is at most d0"
    E_P = mean over l of prod_i 2 sigma(-2 l_i (d_i - d1))     against "the change is at least d1"

Why the error rates hold.  Which container starts first and which CPU set it gets is a coin flip,
so given the past d_i - theta is symmetric about 0 for the true change theta.  Because
sigma(x) + sigma(-x) = 1, the factor at theta then has mean exactly 1; it decreases in theta, so
for every theta <= d0 the factor of E_F has mean <= 1, and E_F is a mixture of non-negative
supermartingales that start at 1.  Ville's inequality gives P(E_F ever reaches 1/a) <= a: at any
stopping time, with a look after every pair.  E_P is the mirror image.  Neither normality nor a
known or constant variance is assumed.  The flip is assumed: noise that stays with one arm from pair
to pair breaks the bounds (``tests/benchmarks/simulate_verdict.py`` shows by how much).

**The l.**  One half of the mixture has the same l for all pairs, ``RATES / scale``.  The other half
knows that pairs differ up to tenfold in precision:

    l_i = r scale / v_i,   v_i = (1.4 s_i)^2 + (0.1 scale)^2,   r in ``WEIGHTED_RATES``

with s_i the standard error of d_i by the pair's own histograms (`verdict.precision`).  It is the
same number with the arms swapped, so the sign of d_i - theta is still a fair coin; a wrong s_i only
moves the power.  Noise of d_i beyond that of sampling is what 1.4 and 0.1 leave room for.  Where no
s_i is known (CPU time), the first half is all.

**Blocks of k + k containers.**  The factor is e^(l S) over its mean over all C(2k, k) ways to call
k of the containers the candidate's, S the difference of the arms' means with d0 taken off the
candidate's.  Given the containers' values each way is as likely, so its mean is 1 at theta; a shift
of the candidate moves no other difference by as much, so it decreases in theta; and a block is
worth up to log2 C(2k, k) bits where a pair is worth 1.  At k = 1 it is the factor above.

References: Ramdas et al., arXiv 2210.01948 (e-values, Ville); Howard and Ramdas, arXiv 1906.09712
(confidence sequences); Lindon et al., arXiv 2205.14762 (anytime-valid tests in canaries); Woodruff
1952 (standard error of a quantile).
"""

from __future__ import annotations

import math
import sys

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.sample import Sample, as_sample

__all__ = [
    "RATES",
    "WEIGHTED_RATES",
    "Floats",
    "as_e_value",
    "fail_evidence",
    "log_factors",
    "log_weights",
    "mixed",
    "pass_evidence",
    "running_fail_evidence",
    "running_fail_evidence_of_both",
    "running_pass_evidence",
    "strictest",
    "strictest_fail_evidence",
    "variances",
]

RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""The mixture over l, in units of 1/scale: a factor of 32 between noise levels that it suits."""

WEIGHTED_RATES = (0.25, 0.5, 1.0, 2.0)
"""The mixture over l of pairs weighted by their precision: the noise level is nearly known."""

NOISE_PER_ERROR = 1.4
"""How much more pairs differ than by sampling: 1.0 to 1.3 times on recorded ones."""

LEAST_NOISE = 0.1
"""In units of the scale: no pair is more precise than that."""


def log_factors(d: Sample | npt.ArrayLike, zero: npt.ArrayLike, scale: npt.ArrayLike) -> Floats:
    """Logarithm of each factor of E_F against "at most ``zero``"; (l, ..., clusters).

    The l of `RATES` come first, those of `WEIGHTED_RATES` follow where errors are known.  ``zero``
    and ``scale`` are numbers, or have the shape of d with one cluster.  Raises `ValueError` for NaN
    or infinite values and for a scale that is not positive.
    """
    sample = as_sample(d)
    limit, width = np.asarray(zero, dtype=np.float64), np.asarray(scale, dtype=np.float64)
    if not np.all(np.isfinite(limit)):
        raise ValueError(f"the limit on the log scale must be finite, not {limit}")
    if not np.all(np.isfinite(width) & (width > 0)):
        raise ValueError(f"the scale must be positive and finite, not {width}")
    rates = _rates(sample, width)
    if sample.contrasts is None or sample.overlaps is None:
        twice = 2.0 * rates * (sample.d - limit)
        return np.asarray(math.log(2.0) - np.maximum(-twice, 0.0) - _log_1p_exp(-np.abs(twice)))
    each = rates[..., np.newaxis] * (sample.contrasts - limit[..., np.newaxis] * sample.overlaps)
    # Both a labeling and its mirror image: 2 cosh, of 2 labelings each.
    log_cosh = np.abs(each) + _log_1p_exp(-2.0 * np.abs(each)) - math.log(2.0)
    most = log_cosh.max(axis=-1)
    mean = most + np.log(np.exp(log_cosh - most[..., np.newaxis]).mean(axis=-1))
    return np.asarray(each[..., 0] - mean)


def log_weights(lanes: int) -> Floats:
    """Logarithm of the weight of each l of `log_factors`: half and half where both kinds exist."""
    weights = np.full(lanes, 1.0 / len(RATES))
    if lanes > len(RATES):
        weights[: len(RATES)] /= 2.0
        weights[len(RATES) :] = 0.5 / len(WEIGHTED_RATES)
    return np.asarray(np.log(weights))


def mixed(log_products: Floats) -> Floats:
    """Logarithm of the mean over l, the first axis, of evidence given by its logarithm."""
    weighted = log_products + log_weights(log_products.shape[0]).reshape(
        -1, *[1] * (log_products.ndim - 1)
    )
    most = weighted.max(axis=0, initial=-np.inf)
    if not most.size:
        return np.asarray(most)
    return np.asarray(most + np.log(np.exp(weighted - most).sum(axis=0)))


def strictest(log_products: Floats) -> Floats:
    """As `mixed`, but the larger of the means over both kinds of l."""
    means = [
        np.logaddexp.reduce(kind, axis=0) - math.log(kind.shape[0])
        for kind in (log_products[: len(RATES)], log_products[len(RATES) :])
        if kind.shape[0]
    ]
    return np.asarray(np.max(means, axis=0))


def running_fail_evidence(d: Sample | npt.ArrayLike, d0: float, scale: float) -> Floats:
    """Logarithm of E_F after each cluster; shape (..., clusters), so also (jobs, clusters).

    ``d``, ``d0`` and ``scale`` are on the log scale: d0 = ln(1 + tolerance).  Computed in log
    space, so nothing overflows.  Raises `ValueError` as `log_factors` does.
    """
    return mixed(np.cumsum(log_factors(d, d0, scale), axis=-1))


def running_fail_evidence_of_both(
    d: Sample | npt.ArrayLike, raw: Sample | npt.ArrayLike, d0: float, scale: float
) -> Floats:
    """Logarithm of the mean of E_F by corrected and by raw log ratios; equal ones give E_F.

    The mean of two e-values is one, however they depend on each other.  So a correction can add
    power and cost at most a factor of 2, but cannot turn a regression that the raw numbers show
    into a pass.
    """
    corrected, uncorrected = as_sample(d), as_sample(raw)
    found = running_fail_evidence(corrected, d0, scale)
    if corrected.same_as(uncorrected):
        return found
    both = np.logaddexp(found, running_fail_evidence(uncorrected, d0, scale))
    return np.asarray(both - math.log(2.0))


def running_pass_evidence(d: Sample | npt.ArrayLike, d1: float, scale: float) -> Floats:
    """Logarithm of E_P after each cluster; mirrors `running_fail_evidence`."""
    return running_fail_evidence(as_sample(d).mirrored(), -d1, scale)


def fail_evidence(d: Sample | npt.ArrayLike, d0: float, scale: float) -> float:
    """Logarithm of E_F after all clusters; ``d`` has one axis, and 0.0 (evidence 1) when empty.

    Raises `ValueError` as `running_fail_evidence` does.
    """
    return float(mixed(_all_factors(d, d0, scale)))


def strictest_fail_evidence(d: Sample | npt.ArrayLike, d0: float, scale: float) -> float:
    """As `fail_evidence`, but the larger of its two halves: what both must not speak for.

    Not an e-value: for what keeps a pass away.
    """
    return float(strictest(_all_factors(d, d0, scale)))


def pass_evidence(d: Sample | npt.ArrayLike, d1: float, scale: float) -> float:
    """Logarithm of E_P after all clusters; the mirror image of `fail_evidence`."""
    return fail_evidence(as_sample(d).mirrored(), -d1, scale)


def as_e_value(log_evidence: float) -> float:
    """The e-value itself, kept within the positive finite floats so that it can be reported."""
    if math.isnan(log_evidence):
        raise ValueError("evidence cannot be NaN")
    if log_evidence >= math.log(sys.float_info.max):
        return sys.float_info.max
    return max(math.exp(log_evidence), sys.float_info.min)


def variances(errors: Floats, scale: Floats) -> Floats:
    """The v_i: how far a cluster's log ratio lies from the true change, squared."""
    return np.asarray((NOISE_PER_ERROR * errors) ** 2 + (LEAST_NOISE * scale) ** 2)


def _all_factors(d: Sample | npt.ArrayLike, zero: float, scale: float) -> Floats:
    sample = as_sample(d)
    if sample.d.ndim != 1:
        raise ValueError(f"log ratios have shape (pairs,), not {sample.d.shape}")
    return np.asarray(log_factors(sample, zero, scale).sum(axis=-1))


def _rates(sample: Sample, scale: Floats) -> Floats:
    """The l of each cluster, (l, ..., clusters); one for all of them where no error is known."""
    axes = [1] * sample.d.ndim
    even = np.asarray(RATES).reshape(-1, *axes) / scale
    if sample.errors is None:
        return even
    weights = scale / variances(sample.errors, scale)
    weighted = np.asarray(WEIGHTED_RATES).reshape(-1, *axes) * weights
    return np.concatenate([np.broadcast_to(even, (len(RATES), *sample.d.shape)), weighted])


def _log_1p_exp(x: Floats) -> Floats:
    """Ln(1 + exp(x)) of x <= 0; numpy's log is several times as fast as its log1p."""
    return np.asarray(np.log(1.0 + np.exp(x)))
