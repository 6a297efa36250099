"""What a job could have found: the smallest change that half of the jobs like it would fail."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.evidence import RATES, Floats
from socklat_gate.verdict.functions import log_sigmoid
from socklat_gate.verdict.zone import Zone

__all__ = ["mde"]

STEPS = 12
"""Halvings of a bracket no wider than the result's distance from d0: an error below 0.05% of it."""


def mde(d: npt.ArrayLike, zone: Zone, budget: int) -> float:
    """True log change that half of the jobs of ``budget`` clusters with noise like d's would fail.

    d, shape (clusters,), lends its residuals, mirrored because the noise is symmetric and widened
    by the degree of freedom that their centre took.  A job grows its evidence by the mean growth
    per cluster; it detects a change when the evidence to fail gets there within the budget and
    before it passes, which takes evidence to pass at a look where that to fail is at most 1: inside
    the indifference zone the two race.  Infinite with fewer than 2 clusters (no noise is known), or
    when the budget cannot carry the evidence whatever the change.

    Within 10% of the truth in the simulation (``docs/lab/simulation.md``).
    """
    values = np.asarray(d, dtype=np.float64)
    most = budget * math.log(2.0)
    if values.size < 2 or most <= math.log(zone.threshold_fail):
        return math.inf
    residuals = values - hodges_lehmann(values)
    residuals = residuals * math.sqrt(values.size / (values.size - 1))
    noise = np.concatenate([residuals, -residuals])
    clusters = np.arange(1, budget + 1)[:, np.newaxis]

    def detects(change: float) -> bool:
        fail = _expected(noise + change - zone.d0, zone.scale, clusters)
        passing = _expected(zone.d1 - change - noise, zone.scale, clusters)
        failed = fail >= math.log(zone.threshold_fail)
        passed = (passing >= math.log(zone.threshold_pass)) & (fail <= 0.0)
        return bool(failed.any() and not passed[: int(failed.argmax())].any())

    low, width = zone.d0, zone.scale
    while not detects(low + width):
        width *= 2.0
        if width > 1e6 * (zone.scale + float(np.abs(noise).max())):
            return math.inf
    high = low + width
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if detects(middle) else (middle, high)
    return high


def _expected(towards: Floats, scale: float, clusters: npt.NDArray[np.int64]) -> Floats:
    """Logarithm of evidence that grows at its mean rate, after each cluster."""
    rates = np.asarray(RATES)[:, np.newaxis]
    growth = (math.log(2.0) + log_sigmoid((2.0 * rates / scale) * towards)).mean(axis=1)
    most = growth.max()
    # The mean over the rates, in log space around the one that grows most.
    return np.asarray(
        clusters[:, 0] * most + np.log(np.exp(clusters * (growth - most)).mean(axis=1))
    )
