"""A stage's part of a change, as an estimate over the pairs with its interval."""

from __future__ import annotations

from socklat_gate.measured.attribution import StageShare
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds, cluster_means
from socklat_gate.verdict.estimate import hodges_lehmann
from socklat_gate.verdict.interval import confidence_interval

__all__ = ["carries", "centre", "interval", "one_sided", "share_of"]

NAMED_SHARE = 0.5


def share_of(
    stage: str,
    baseline: Floats,
    deltas: Floats,
    change_ns: float,
    whole_ns: float,
    clusters: ClusterIds,
) -> StageShare:
    """A stage's part of a change, from ns by pair; ``change_ns`` is the centre of ``deltas``."""
    before_ns = centre(baseline, clusters)
    share = change_ns / whole_ns if whole_ns != 0 else 0.0
    return StageShare(stage, before_ns, before_ns + change_ns, share, *interval(deltas, clusters))


def centre(values_ns: Floats, clusters: ClusterIds) -> float:
    """Hodges-Lehmann estimate over the clusters' means of values by pair."""
    return hodges_lehmann(cluster_means(values_ns, clusters))


def interval(deltas_ns: Floats, clusters: ClusterIds) -> tuple[float, float]:
    """95% interval of the same."""
    return confidence_interval(cluster_means(deltas_ns, clusters))


def carries(part: StageShare) -> bool:
    """Whether it is more than half of the change, and surely on its side of 0."""
    change_ns = part.candidate_ns - part.baseline_ns
    return part.share > NAMED_SHARE and one_sided(part.low_ns, part.high_ns, change_ns)


def one_sided(low: float, high: float, change: float) -> bool:
    """Whether an interval excludes 0, on the side of the change."""
    return low > 0 if change > 0 else high < 0 if change < 0 else False
