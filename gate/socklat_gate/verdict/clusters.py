"""Which pairs belong together: those measured on the same containers are one observation.

A start of the containers is a random effect: its pairs share what the start happened to bring
(memory layout, heap, which core), so they are averaged and count as one *cluster*, the unit of
inference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.pair import Pair
from socklat_gate.verdict.arrays import Floats

__all__ = ["cluster_ids", "cluster_means", "cluster_sums"]

ClusterIds = npt.NDArray[np.int64]


def cluster_ids(pairs: Sequence[Pair], per_start: int = 1, *, closed: bool = True) -> ClusterIds:
    """Cluster of each pair, shape (pairs,), counted from 0 in order of appearance; -1 for none yet.

    A start whose pairs are still being measured is no cluster: its mean would change with the next
    pair, and evidence may not be taken back.  It is complete when it has ``per_start`` pairs, when
    another start follows, or when the job is over (``closed``).
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
        if int(last.sum()) < per_start:
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
