"""A stage's part of a change, as an estimate over the pairs with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.attribution import StageShare
from socklat_gate.measured.pair import Pair
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds, cluster_means, container_units
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.interval import confidence_interval
from socklat_gate.verdict.labeling_interval import labeling_interval

__all__ = ["Grouped", "carries", "one_sided"]

NAMED_SHARE = 0.5

FEW_BLOCKS = 5
"""So many clusters have an interval by themselves (`verdict.interval`)."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """Which cluster each pair belongs to, and which container of its arm it holds; (pairs,) each.

    All values are ns by pair, those with arms of shape (pairs, 2), baseline first.
    """

    clusters: ClusterIds
    replicas: npt.NDArray[np.int64]

    @classmethod
    def of(cls, pairs: Sequence[Pair], clusters: ClusterIds) -> Grouped:
        """``clusters`` are those of the same pairs."""
        return cls(clusters, np.array([pair.replica for pair in pairs], dtype=np.int64))

    def change(self, by_arm_ns: Floats) -> float:
        """Hodges-Lehmann estimate, over the clusters' means, of the candidate's less baseline's."""
        return self._centre(by_arm_ns[:, 1] - by_arm_ns[:, 0])

    def interval(self, by_arm_ns: Floats) -> tuple[float, float]:
        """95% interval of the same: by clusters, of fewer than 5 blocks by their containers.

        Of those only complete blocks count, in which no container is without exchanges.
        """
        means = cluster_means(by_arm_ns[:, 1] - by_arm_ns[:, 0], self.clusters)
        if means.size >= FEW_BLOCKS or not self.replicas.any():
            return confidence_interval(means)
        units, _ = container_units(by_arm_ns.T, self.replicas, self.clusters)
        return labeling_interval(units)

    def share_of(self, stage: str, by_arm_ns: Floats, whole_ns: float) -> StageShare:
        """A stage's part of the change ``whole_ns``."""
        before_ns, change_ns = self._centre(by_arm_ns[:, 0]), self.change(by_arm_ns)
        share = change_ns / whole_ns if whole_ns != 0 else 0.0
        return StageShare(stage, before_ns, before_ns + change_ns, share, *self.interval(by_arm_ns))

    def _centre(self, values_ns: Floats) -> float:
        return hodges_lehmann(cluster_means(values_ns, self.clusters))


def carries(part: StageShare) -> bool:
    """Whether it is more than half of the change, and surely on its side of 0."""
    change_ns = part.candidate_ns - part.baseline_ns
    return part.share > NAMED_SHARE and one_sided(part.low_ns, part.high_ns, change_ns)


def one_sided(low: float, high: float, change: float) -> bool:
    """Whether an interval excludes 0, on the side of the change."""
    return low > 0 if change > 0 else high < 0 if change < 0 else False
