"""Which pairs belong together: those of one start, of one container an arm or a block of several.

A start of the containers is a random effect: its pairs share what the start happened to bring
(memory layout, heap, which core), so they are averaged and count as one *cluster*, the unit of
inference.  So are the pairs of a block of k + k containers, which were started and measured at the
same time: what the block's moment brought is in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.pair import Pair, containers_of
from socklat_gate.verdict.arrays import Floats

__all__ = ["cluster_ids", "cluster_means", "cluster_sums", "container_units"]

ClusterIds = npt.NDArray[np.int64]


def cluster_ids(pairs: Sequence[Pair], per_start: int = 1, *, closed: bool = True) -> ClusterIds:
    """Cluster of each pair, shape (pairs,), counted from 0 in order of appearance; -1 for none yet.

    A start whose pairs are still being measured is no cluster: its mean would change with the next
    pair, and evidence may not be taken back.  It is complete when each container has ``per_start``
    pairs, when another start follows, or when the job is over (``closed``).
    """
    first: dict[int, int] = {}
    found = np.empty(len(pairs), dtype=np.int64)
    total = 0
    for at, pair in enumerate(pairs):
        if pair.start is None or pair.start not in first:
            found[at] = total
            total += 1
            if pair.start is not None:
                first[pair.start] = int(found[at])
        else:
            found[at] = first[pair.start]
    if pairs and pairs[-1].start is not None and not closed:
        last = found == found[-1]
        if int(last.sum()) < per_start * containers_of(pairs):
            found[last] = -1
    return found


def cluster_sums(values: npt.ArrayLike, clusters: ClusterIds) -> Floats:
    """Sum of the values, all finite, of each cluster; (..., pairs) -> (..., clusters)."""
    member = clusters[:, np.newaxis] == np.arange(int(clusters.max(initial=-1)) + 1)
    return np.asarray(np.asarray(values, dtype=np.float64) @ member.astype(np.float64))


def cluster_means(values: npt.ArrayLike, clusters: ClusterIds) -> Floats:
    """Mean of the finite values by cluster, shape (clusters,); those without any are left out."""
    given = np.asarray(values, dtype=np.float64)
    usable = np.isfinite(given)
    sums = cluster_sums(np.where(usable, given, 0.0), clusters)
    counts = cluster_sums(usable, clusters)
    return np.asarray(sums[counts > 0] / counts[counts > 0])


def container_units(
    values: npt.ArrayLike, replicas: npt.ArrayLike, clusters: ClusterIds
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The mean of each container's values, shape (complete clusters, arms, k), and which those are.

    ``values``, shape (arms, pairs), are NaN where an arm has none; ``replicas``, shape (pairs,),
    number the containers.  A pair without a value in an arm is left out of its containers, and a
    cluster in which a container has none at all is no complete one: one of k without samples must
    not just vanish from a mean.  The second, shape (clusters,), says which clusters are complete.
    """
    given = np.asarray(values, dtype=np.float64)
    replica = np.asarray(replicas, dtype=np.int64)
    many = int(clusters.max(initial=-1)) + 1
    k = 1 + int(replica.max(initial=0))
    usable = np.isfinite(given).all(axis=0) & (clusters >= 0)
    # shape (pairs, clusters * k): to which container of each arm a pair belongs
    place = np.where(clusters >= 0, clusters * k + replica, -1)
    member = (place[:, np.newaxis] == np.arange(many * k)) & usable[:, np.newaxis]
    counts = member.sum(axis=0).reshape(many, k)
    sums = np.where(usable, given, 0.0) @ member.astype(np.float64)
    complete = np.asarray((counts > 0).all(axis=1))
    means = sums.reshape(given.shape[0], many, k)[:, complete] / counts[complete]
    return np.asarray(means.transpose(1, 0, 2)), complete
