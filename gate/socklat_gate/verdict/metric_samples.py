"""From the log ratios of a metric's pairs to the sample of its clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds
from socklat_gate.verdict.log_ratios import LogRatios
from socklat_gate.verdict.precision import block_errors
from socklat_gate.verdict.sample import Sample, sample_of_units
from socklat_gate.verdict.units import units_of

__all__ = ["MetricSamples", "metric_samples"]

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MetricSamples:
    """The complete clusters of a metric, as judged and ``raw``: without a correction.

    The same object where the two are equal.  ``complete``, shape (clusters,), says which those are.
    """

    judged: Sample
    raw: Sample
    complete: Bools


def metric_samples(ratios: LogRatios, clusters: ClusterIds) -> MetricSamples:
    """``clusters`` are those of the same pairs."""
    units = units_of(ratios, clusters)
    judged, raw = (
        sample_of_units(of, _errors(ratios, errors, clusters, units.complete))
        for of, errors in ((units.of, ratios.errors), (units.raw, ratios.raw_errors))
    )
    return MetricSamples(judged, judged if judged.same_as(raw) else raw, units.complete)


def _errors(
    ratios: LogRatios, errors: Floats, clusters: ClusterIds, complete: Bools
) -> Floats | None:
    """Standard error of each complete cluster; None where none is known at all.

    Of a container's mean over P pairs it is the root of the sum of squares, over P.
    """
    usable = ratios.usable & (clusters >= 0)
    known = errors[:, usable]
    if not np.isfinite(known).any():
        return None
    # A pair whose error is not known has no weight.
    squares = np.where(np.isnan(known), np.inf, known**2)
    replicas = np.asarray(ratios.replicas, dtype=np.int64)
    containers = 1 + int(replicas.max(initial=0))
    place = clusters[usable] * containers + replicas[usable]
    size = complete.size * containers
    counts = np.bincount(place, minlength=size)
    sums = np.array([np.bincount(place, row, minlength=size) for row in squares])
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (np.sqrt(sums) / counts).reshape(len(sums), complete.size, containers)
    return block_errors(found[:, complete].transpose(1, 0, 2))
