"""The limits that one metric is judged by, on the log scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from socklat_gate.measured.verdict import Waived

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate, Metric, Waiver

__all__ = ["Zone", "default_scale", "waiver_in_force", "zone_of"]


@dataclass(frozen=True, slots=True)
class Zone:
    """Indifference zone (d0, d1), scale of the evidence, and the e-values that decide."""

    d0: float
    d1: float
    scale: float
    threshold_fail: float
    threshold_pass: float


def default_scale(metric: Metric) -> float:
    """Width of the indifference zone, ln(1 + failure) - ln(1 + tolerance): the default ``scale``.

    It is fixed before any pair is seen, and the error rates do not depend on it.  Simulated with
    normal noise of pair SD 0.01-0.04 (p50), 0.03-0.08 (p90) and 0.06-0.25 (p99), 4000 jobs each,
    against a quarter, half, twice and four times this width, to PASS without a change and to FAIL
    at 1 and 1.5 times ``regression_threshold``: the median is never more than 2 pairs above the
    best choice's. Narrower saves at most those 2 pairs where the noise is small and loses where it
    is large (p99, SD 0.15, truly at ``regression_threshold``: a quarter of the width fails 29% of
    the jobs within 40 pairs, half 46%, this one and twice 50%); wider costs a pair or two where the
    noise is small and gains at most 1 where it is large.
    """
    return math.log1p(metric.regression_threshold) - math.log1p(metric.tolerance)


def zone_of(
    metric: Metric, gate: Gate, scale: float | None = None, waiver: Waiver | None = None
) -> Zone:
    """The zone of a metric; a waiver moves it up, as wide as before, to begin at its ceiling."""
    width = default_scale(metric)
    d0 = math.log1p(metric.tolerance if waiver is None else waiver.ceiling)
    return Zone(
        d0=d0,
        d1=d0 + width,
        scale=width if scale is None else scale,
        threshold_fail=1.0 / gate.alpha_of(metric),
        threshold_pass=1.0 / gate.alpha_pass,
    )


def waiver_in_force(waiver: Waiver | None) -> Waived | None:
    """The waiver as a verdict carries it; None without one."""
    if waiver is None:
        return None
    return Waived(waiver.ceiling, waiver.expires.isoformat(), waiver.link, waiver.baseline)
