"""Evidence for a change in a series of links that holds however often one looks.

Under the null every link's e-value has mean at most 1, given those before it: the arms of a gate
are told apart by fair coins (`verdict.evidence`).  A change may begin at any link s, so

    M_t = sum over s <= t of w_s e_s e_(s+1) ... e_t  +  sum over s > t of w_s

with w_s = 1 / (s (s + 1)) starts at 1 and is a non-negative supermartingale: by Ville's inequality
the chance that it ever reaches 1 / alpha is at most alpha, with a look after every merge or night
and without an end.  A single step shows at its own link (s = t), many small ones by their product.
The l of `verdict.evidence` are mixed outside of the product.  After a change was found the series
begins anew, at the same level.

References: Shin, Ramdas and Rinaldo, arXiv 2203.03532 (e-detectors); Ramdas et al., 2210.01948.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from socklat_gate.verdict.arrays import Floats
from socklat_gate.verdict.evidence import RATES, mixed

__all__ = ["Found", "begin_of_change", "first_changes", "running_drift_evidence"]


@dataclass(frozen=True, slots=True)
class Found:
    """A change from link ``begin`` on; its evidence, a logarithm, was enough at link ``at``."""

    begin: int
    at: int
    log_evidence: float


def running_drift_evidence(links: Sequence[Sequence[float]]) -> Floats:
    """Logarithm of M_t after each link, shape (links,).

    Each link has the logarithms of its e-values by l; where they differ in number, as of pairs
    without a known precision, the l that all have are used.
    """
    lanes = _lanes(links)
    found = np.empty(lanes.shape[0])
    log_started = np.full(lanes.shape[1], -np.inf)
    for at, e_value in enumerate(lanes):
        weight = -math.log((at + 1) * (at + 2))
        log_started = np.logaddexp(log_started, weight) + e_value
        to_come = -math.log(at + 2)
        found[at] = np.logaddexp(mixed(log_started[:, np.newaxis])[0], to_come)
    return found


def begin_of_change(links: Sequence[Sequence[float]]) -> int:
    """The link from which on the evidence of the last ones is largest; 0 is the first."""
    after = np.cumsum(_lanes(links)[::-1], axis=0)[::-1]
    return int(np.argmax(mixed(after.T)))


def first_changes(links: Sequence[Sequence[float]], alpha: float) -> list[Found]:
    """Each change in turn; after one the series begins anew with the link that follows it."""
    found: list[Found] = []
    start = 0
    while start < len(links):
        part = links[start:]
        evidence = running_drift_evidence(part)
        reached = np.flatnonzero(evidence >= -math.log(alpha))
        if not reached.size:
            break
        at = int(reached[0])
        begin = begin_of_change(part[: at + 1])
        found.append(Found(start + begin, start + at, float(evidence[at])))
        start += at + 1
    return found


def _lanes(links: Sequence[Sequence[float]]) -> Floats:
    """Shape (links, l)."""
    same = len({len(link) for link in links}) <= 1
    rows = links if same else [link[: len(RATES)] for link in links]
    return np.asarray(rows, dtype=np.float64).reshape(len(links), len(rows[0]) if len(rows) else 0)
