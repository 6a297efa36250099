"""The evidence of all that is judged, taken together: when a job fails, and what is named.

Each metric, limit, count and the spikes has a part alpha_k of alpha, and an e-value E_k(t) after
each cluster.  The job fails as soon as their weighted mean does what one e-value would have to:

    sum over k of (alpha_k / alpha) E_k(t)  >=  1 / alpha

A weighted mean of e-values is one, however they depend on each other, and as E_k are all products
over the same clusters, the mean is a supermartingale too: Ville's inequality gives alpha at any
look (Vovk and Wang 2021, arXiv 1912.06116).  It takes the values of one look, never the largest of
each.  As no e-value is negative, it is there no later than E_k >= 1 / alpha_k of any single one
would be (Bonferroni), and sooner where several got slower at once.

Which ones, is e-BH's to say (Wang and Ramdas, arXiv 2009.02824) at the look at which the job fails:
the k largest alpha_k E_k, for the largest k of which all are at least 1 / k.  Under any dependence
the expected share of wrong names among them is at most alpha.  A job that names none there ends at
the first of a few more looks that does: that is one look as well, chosen by what came before it.
Who looks again after a name was found adds the names of that look, and as much of alpha.  What ever
reached 1 / alpha_k by itself is named as well: at the first such look the job has failed, and e-BH
names it.  There may be no name: evidence that is spread thin shows that something got slower, and
not what.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.evidence import as_e_value

__all__ = ["LIMIT", "Strand", "Together", "carried_on", "e_bh", "judge_together", "running_mean"]

LIMIT = "limit "
"""Before a limit's name among strands: a metric can be compared and limited."""

MOST = 3
"""Of those with most evidence so many are told, where none is named."""


@dataclass(frozen=True, slots=True)
class Strand:
    """One thing that is judged: its part of alpha and log e-value after each cluster."""

    name: str
    alpha: float
    log_evidence: Floats


@dataclass(frozen=True, slots=True)
class Together:
    """``running`` is the mean's logarithm after each cluster; ``failed``: it got to 1 / alpha.

    ``threshold`` is 1 / alpha.  ``among`` has all that are named, by themselves or by e-BH, each
    with how many were named at once: its evidence reached 1 / alpha_k over that.  ``most`` have the
    most evidence, in order, at the look at which it failed or, while it has not, now.
    """

    running: Floats
    threshold: float
    failed: bool
    among: Mapping[str, int]
    most: tuple[str, ...]

    @property
    def named(self) -> frozenset[str]:
        """Those that have enough evidence."""
        return frozenset(self.among)

    @property
    def evidence(self) -> float:
        """The largest mean so far, 1 before the first cluster."""
        return as_e_value(float(max(0.0, self.running.max(initial=0.0))))


def judge_together(strands: Sequence[Strand], alpha: float) -> Together:
    """All strands have the same clusters; what cannot be judged is none, and counts as 0."""
    threshold = 1.0 / alpha
    if not strands:
        return Together(np.zeros(0), threshold, False, {}, ())
    # shape (strands, clusters); at 0 a strand would be enough alone
    weighted = np.array([one.log_evidence + math.log(one.alpha) for one in strands])
    running = running_mean(weighted, alpha)
    names = [one.name for one in strands]
    alone = weighted.max(axis=1, initial=-math.inf) >= 0.0
    reached = np.flatnonzero(running >= -math.log(alpha))
    failed = bool(reached.size or alone.any())
    if not running.size:
        return Together(running, threshold, failed, {}, ())
    at = weighted[:, reached[0] if reached.size else -1]
    named = np.where(alone, 1, 0)
    if failed:
        # Whoever goes on after it failed looks again.
        for found in (e_bh(at), e_bh(weighted[:, -1])):
            named = np.maximum(named, np.where(found, found.sum(), 0))
    order = np.argsort(-at, kind="stable")[:MOST]
    return Together(
        running,
        threshold,
        failed,
        {name: int(many) for name, many in zip(names, named, strict=True) if many},
        tuple(names[place] for place in order if np.isfinite(at[place])),
    )


def running_mean(weighted: Floats, alpha: float) -> Floats:
    """Logarithm of the weighted mean; ``weighted`` are ln(alpha_k E_k), (strands, ...) -> (...)."""
    return np.asarray(np.logaddexp.reduce(weighted, axis=0) - math.log(alpha))


def e_bh(weighted: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which are named, of ln(alpha_k E_k) at one look, shape (strands,)."""
    values = np.asarray(weighted, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    enough = np.flatnonzero(values[order] >= -np.log(np.arange(1, values.size + 1)))
    found = np.zeros(values.size, dtype=np.bool_)
    if enough.size:
        found[order[: enough[-1] + 1]] = True
    return found


def carried_on(log_evidence: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Evidence of the known clusters at all of them: what is not known changes nothing.

    Shapes (known clusters,) and (clusters,) -> (clusters,).
    """
    seen = np.cumsum(known)
    return np.concatenate(([0.0], log_evidence))[seen]
