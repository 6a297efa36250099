"""What is counted of each run: failed requests, overload, connections; by cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.names import CAPACITY, CONNECTIONS, ERRORS
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.measured.run import Run
from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.clusters import ClusterIds, cluster_sums
from socklat_gate.verdict.pace import lags_behind

__all__ = ["Counted", "count"]


@dataclass(frozen=True, slots=True)
class Counted:
    """Of each cluster that has them: counts and totals, shape (arms, known clusters).

    ``known``, shape (clusters,), says which those are.
    """

    counts: Floats
    totals: Floats
    known: npt.NDArray[np.bool_]

    def excess(self, allowed: float) -> Floats:
        """The candidate's share less the baseline's and what is allowed, by cluster."""
        shares = self.counts / self.totals
        return np.asarray(shares[1] - shares[0] - allowed)


def count(name: str, pairs: Sequence[Pair], clusters: ClusterIds) -> Counted:
    """What is known by that name of each cluster's runs.

    A run of which nothing is known counts for nothing, with its pair.
    """
    of_run = _COUNTS[name]
    by_pair = np.array(
        [
            [of_run(pair.arm(arm), pair.arm(other)) for pair in pairs]
            for arm, other in zip(ARMS, ARMS[::-1], strict=True)
        ],
        dtype=np.float64,
    ).reshape(len(ARMS), len(pairs), 2)
    counts, totals = (cluster_sums(by_pair[:, :, part], clusters) for part in (0, 1))
    known = np.asarray(totals.all(axis=0))
    return Counted(counts[:, known], totals[:, known], known)


def _failures(run: Run, _other: Run) -> tuple[int, int]:
    """Failed requests, and those that were due; an external tool's are those that were seen."""
    load = run.load
    if not load.external:
        return load.errors, load.planned
    if load.answers is None:
        return 0, 0
    return load.answers.failed, load.answers.seen


def _overloads(run: Run, other: Run) -> tuple[int, int]:
    """By the rate; of an external tool that has its own pace in an arm, beside the other arm."""
    if all(one.load.planned or not one.load.external for one in (run, other)):
        return int(run.load.overloaded), 1
    return int(lags_behind(run, other)), 1


def _openings(run: Run, _other: Run) -> tuple[int, int]:
    return (run.load.answers.opened, run.load.planned) if run.load.answers else (0, 0)


_COUNTS: Mapping[str, Callable[[Run, Run], tuple[int, int]]] = {
    ERRORS: _failures,
    CAPACITY: _overloads,
    CONNECTIONS: _openings,
}
