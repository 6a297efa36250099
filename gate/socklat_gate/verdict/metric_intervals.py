"""The intervals of all metrics, at the levels at which these are judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from socklat_gate.verdict.confidence_sequence import LOW_THRESHOLD, Bound, lower_bounds
from socklat_gate.verdict.judge import MetricEvidence

__all__ = ["metric_intervals"]


def metric_intervals(
    metrics: Sequence[MetricEvidence], among: Mapping[str, int]
) -> list[tuple[float, float]]:
    """Lower and upper end of each metric's change on the log scale; infinite while unbounded.

    ``among`` is that of `verdict.together`: what is named with others has its lower end at the
    level at which it is named, if that is weaker.  A change that moves during a job may leave
    none that all looks allow: then both ends are the lower one.
    """
    lows = lower_bounds([_lower(one, among.get(one.metric.name, 1)) for one in metrics])
    highs = lower_bounds([_upper(one) for one in metrics])
    return [(low, max(low, -high)) for low, high in zip(lows, highs, strict=True)]


def _lower(one: MetricEvidence, among: int) -> Bound:
    zone = one.zone
    threshold = math.log(min(LOW_THRESHOLD, zone.threshold_fail / among))
    return Bound(
        sample=one.sample,
        raw=one.raw,
        scale=zone.scale,
        # What a dropped correction took from the evidence.
        threshold=threshold + (math.log(2.0) if one.dropped else 0.0),
        anchor=zone.d0,
        reached=bool(one.running_fail.max(initial=0.0) >= threshold),
    )


def _upper(one: MetricEvidence) -> Bound:
    zone, mirrored = one.zone, one.sample.mirrored()
    threshold = math.log(zone.threshold_pass)
    return Bound(
        sample=mirrored,
        raw=mirrored,
        scale=zone.scale,
        threshold=threshold,
        anchor=-zone.d1,
        reached=bool(one.running_pass.max(initial=0.0) >= threshold),
    )
