"""What a gate's pairs say of the change itself, to be summed up over many gates.

A stored campaign holds the mood of its day; the ratio of two arms that ran side by side does not.
So the sum of such ratios from merge to merge is the drift, and its noise that of pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from socklat_gate.measured.link import MetricLink
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import MetricVerdict
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.evidence import log_factors
from socklat_gate.verdict.log_ratios import metric_log_ratios
from socklat_gate.verdict.metric_samples import metric_samples
from socklat_gate.verdict.sample import Sample

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Metric

__all__ = ["metric_link", "metric_links"]

LEAST_CLUSTERS = 2

FIRST = 5
"""Clusters that the estimate rests on: as many as a gate of pairs measures before it may pass.

Where a gate stops depends on what it saw: it passes early when the change happens to look small.
With wild pairs a mean over all clusters is biased by that, by 0.2% a link and 17% in a hundred; one
over clusters that are measured in any case is not (docs/lab/drift.md).
"""


def metric_links(pairs: Sequence[Pair], metrics: Sequence[MetricVerdict]) -> tuple[MetricLink, ...]:
    """Of each metric that could be judged; ``metrics`` are those of the same pairs' verdict.

    A metric with an arm without enough exchanges is left out, and one with fewer than
    `LEAST_CLUSTERS` clusters.
    """
    used = [pair for pair in pairs if not pair.excluded]
    judged = [one for one in metrics if not one.shortfalls and one.regression_threshold > 0]
    # Of a metric only its name and what it is a quantile of are looked at.
    by_name = metric_log_ratios(used, cast("Sequence[Metric]", judged))
    clusters = cluster_ids(used)
    found = []
    for metric in judged:
        sample = metric_samples(by_name[metric.name], clusters).judged
        if sample.size < LEAST_CLUSTERS or by_name[metric.name].shortfalls:
            continue
        tolerance = metric.tolerance
        width = math.log1p(metric.regression_threshold) - math.log1p(tolerance)
        found.append(metric_link(metric.name, sample, tolerance, width))
    return tuple(found)


def metric_link(name: str, sample: Sample, tolerance: float, width: float) -> MetricLink:
    """Of a sample of at least `LEAST_CLUSTERS`; ``width`` is the zone's on the log scale.

    The estimate is that of the `FIRST` clusters, the evidence that of all.
    """
    mirrored, first = sample.mirrored(), sample.d[:FIRST]

    def evidence(of: Sample, zero: float) -> tuple[float, ...]:
        return tuple(map(float, log_factors(of, zero, width).sum(axis=-1)))

    return MetricLink(
        name=name,
        log_change=hodges_lehmann(first),
        standard_error=float(first.std(ddof=1) / np.sqrt(first.size)),
        dof=first.size - 1,
        tolerance=tolerance,
        slower=evidence(sample, 0.0),
        faster=evidence(mirrored, 0.0),
        above=evidence(sample, math.log1p(tolerance)),
    )
