"""Sequential evidence (e-values) for and against a regression of one metric.

With d_i = ln Q(candidate_i) - ln Q(baseline_i) of pair i, sigma the logistic function and l in
``RATES / scale``:

    E_F = mean over l of prod_i 2 sigma( 2 l (d_i - d0))     against "the change is at most d0"
    E_P = mean over l of prod_i 2 sigma(-2 l (d_i - d1))     against "the change is at least d1"

Why the error rates hold.  Which container starts first and which CPU set it gets is a coin flip,
so given the past d_i - theta is symmetric about 0 for the true change theta.  Because
sigma(x) + sigma(-x) = 1, the factor at theta then has mean exactly 1; it decreases in theta, so
for every theta <= d0 the factor of E_F has mean <= 1, and E_F is a mixture of non-negative
supermartingales that start at 1.  Ville's inequality gives P(E_F ever reaches 1/a) <= a: at any
stopping time, with a look after every pair.  E_P is the mirror image.  Neither normality nor a
known or constant variance is assumed; ``scale`` only moves the power, as long as it is fixed
before the pairs are seen.  The flip is assumed: noise that stays with one arm from pair to pair
breaks the bounds (``tests/benchmarks/simulate_verdict.py`` shows by how much).

A factor is below 2, so n pairs carry less evidence than 2**n.

References: Ramdas et al., arXiv 2210.01948 (e-values, Ville); Howard and Ramdas, arXiv 1906.09712
(confidence sequences); Lindon et al., arXiv 2205.14762 (anytime-valid tests in canaries).
"""

from __future__ import annotations

import math
import sys

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.functions import log_sigmoid, log_sum_exp

__all__ = [
    "RATES",
    "Floats",
    "as_e_value",
    "fail_evidence",
    "pass_evidence",
    "running_fail_evidence",
    "running_fail_evidence_of_both",
    "running_pass_evidence",
]

RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""The mixture over l, in units of 1/scale: a factor of 32 between noise levels that it suits."""


def running_fail_evidence(d: npt.ArrayLike, d0: float, scale: float) -> Floats:
    """Logarithm of E_F after each pair; shape (..., pairs) -> (..., pairs), so also (jobs, pairs).

    ``d``, ``d0`` and ``scale`` are on the log scale: d0 = ln(1 + tolerance).  Computed in log
    space, so nothing overflows.  Raises `ValueError` for NaN or infinite values and for a scale
    that is not positive.
    """
    values = _check(d, d0, scale)
    total = np.full(values.shape, -np.inf)
    for rate in RATES:
        steps = math.log(2.0) + log_sigmoid((2.0 * rate / scale) * (values - d0))
        total = np.logaddexp(total, np.cumsum(steps, axis=-1))
    return np.asarray(total - math.log(len(RATES)))


def running_fail_evidence_of_both(
    d: npt.ArrayLike, raw: npt.ArrayLike, d0: float, scale: float
) -> Floats:
    """Logarithm of the mean of E_F by corrected and by raw log ratios; equal ones give E_F.

    The mean of two e-values is one, however they depend on each other.  So a correction can add
    power and cost at most a factor of 2, but cannot turn a regression that the raw numbers show
    into a pass.
    """
    corrected = running_fail_evidence(d, d0, scale)
    if np.array_equal(np.asarray(d), np.asarray(raw)):
        return corrected
    both = np.logaddexp(corrected, running_fail_evidence(raw, d0, scale))
    return np.asarray(both - math.log(2.0))


def running_pass_evidence(d: npt.ArrayLike, d1: float, scale: float) -> Floats:
    """Logarithm of E_P after each pair; mirrors `running_fail_evidence`."""
    return running_fail_evidence(-np.asarray(d, dtype=np.float64), -d1, scale)


def fail_evidence(d: npt.ArrayLike, d0: float, scale: float) -> float:
    """Logarithm of E_F after all pairs; ``d`` has shape (pairs,), and 0.0 (evidence 1) when empty.

    Raises `ValueError` as `running_fail_evidence` does.
    """
    values = _check(d, d0, scale)
    if values.ndim != 1:
        raise ValueError(f"log ratios have shape (pairs,), not {values.shape}")
    rates = np.asarray(RATES)[:, np.newaxis]
    steps = math.log(2.0) + log_sigmoid((2.0 * rates / scale) * (values - d0))
    return float(log_sum_exp(steps.sum(axis=1)) - math.log(len(RATES)))


def pass_evidence(d: npt.ArrayLike, d1: float, scale: float) -> float:
    """Logarithm of E_P after all pairs; the mirror image of `fail_evidence`."""
    return fail_evidence(-np.asarray(d, dtype=np.float64), -d1, scale)


def as_e_value(log_evidence: float) -> float:
    """The e-value itself, kept within the positive finite floats so that it can be reported."""
    if math.isnan(log_evidence):
        raise ValueError("evidence cannot be NaN")
    if log_evidence >= math.log(sys.float_info.max):
        return sys.float_info.max
    return max(math.exp(log_evidence), sys.float_info.min)


def _check(d: npt.ArrayLike, zero: float, scale: float) -> Floats:
    values = np.asarray(d, dtype=np.float64)
    if values.ndim == 0:
        raise ValueError("log ratios have shape (..., pairs), not a single number")
    if not np.all(np.isfinite(values)):
        raise ValueError("a log ratio is NaN or infinite")
    if not math.isfinite(zero):
        raise ValueError(f"the limit on the log scale must be finite, not {zero}")
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"the scale must be positive and finite, not {scale}")
    return values
