"""Log quantiles by container: the units of which labels are exchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds, container_units

if TYPE_CHECKING:
    from socklat_gate.verdict.log_ratios import LogRatios

__all__ = ["Units", "units_of"]


@dataclass(frozen=True, slots=True)
class Units:
    """The log quantile of each container, shape (complete clusters, arms, k), arms as in ARMS.

    Of a container with several pairs it is their mean; ``raw`` is without the correction.
    ``complete``, shape (clusters,), are the clusters in which every container has enough exchanges:
    only they are here.  ``d`` and ``raw_d``, shape (complete clusters,), are the differences of the
    arms' means: log ratios of whole blocks.
    """

    of: Floats
    raw: Floats
    complete: npt.NDArray[np.bool_]

    @property
    def d(self) -> Floats:
        """The candidate's mean less the baseline's."""
        return _between_arms(self.of)

    @property
    def raw_d(self) -> Floats:
        """The same without the correction."""
        return _between_arms(self.raw)


def _between_arms(units: Floats) -> Floats:
    means = units.mean(axis=2)
    return np.asarray(means[:, 1] - means[:, 0])


def units_of(ratios: LogRatios, clusters: ClusterIds) -> Units:
    """Log quantiles by container; ``clusters`` are those of the same pairs."""
    used = np.where(ratios.usable, 0.0, np.nan)
    both, raw = (
        container_units(np.log([theirs, ours]) + used, ratios.replicas, clusters)
        for theirs, ours in (
            (ratios.baseline_ns, ratios.candidate_ns),
            (ratios.raw_baseline_ns, ratios.raw_candidate_ns),
        )
    )
    return Units(both[0], raw[0], both[1])
