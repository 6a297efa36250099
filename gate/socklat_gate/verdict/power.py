"""What a job could have found: the smallest change that half of the jobs like it would fail."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.evidence import log_factors, mixed
from socklat_gate.verdict.sample import Sample, as_sample, joined, stacked
from socklat_gate.verdict.starts import blocks_to_pass
from socklat_gate.verdict.zone import Zone

__all__ = ["mde"]

STEPS = 12
"""Halvings of a bracket no wider than the result's distance from d0: an error below 0.05% of it."""


def mde(d: Sample | npt.ArrayLike, zone: Zone, budget: int) -> float:
    """True log change that half of the jobs of ``budget`` clusters with noise like d's would fail.

    d, of one axis, lends its residuals with their errors, mirrored because the noise is symmetric
    and widened by the degree of freedom that their centre took.  A job grows its evidence by the
    mean growth per cluster; it detects a change when the evidence to fail gets there within the
    budget and before it passes, which takes evidence to pass at a look where that to fail is at
    most 1: inside the indifference zone the two race.  Infinite with fewer than 2 clusters (no
    noise is known), or when the budget cannot carry the evidence whatever the change.

    Within 10% of the truth in the simulation (``docs/lab/simulation.md``).
    """
    sample = as_sample(d)
    size = sample.size
    most = budget * math.log(sample.labelings)
    if size < 2 or most <= math.log(zone.threshold_fail):
        return math.inf
    residuals = sample.shifted(-hodges_lehmann(sample.d)).widened(math.sqrt(size / (size - 1)))
    noise = stacked([joined([residuals, residuals.mirrored()])] * 2)
    clusters = np.arange(1, budget + 1)

    def detects(change: float) -> bool:
        against = np.array([[zone.d0 - change], [change - zone.d1]])
        growth = log_factors(noise, against, zone.scale).mean(axis=-1, keepdims=True)
        fail, passing = mixed(growth * clusters)
        failed = fail >= math.log(zone.threshold_fail)
        passed = (passing >= math.log(zone.threshold_pass)) & (fail <= 0.0)
        passed &= clusters > blocks_to_pass(sample.containers, 1)
        return bool(failed.any() and not passed[: int(failed.argmax())].any())

    low, width = zone.d0, zone.scale
    while not detects(low + width):
        width *= 2.0
        if width > 1e6 * (zone.scale + float(np.abs(residuals.d).max())):
            return math.inf
    high = low + width
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if detects(middle) else (middle, high)
    return high
