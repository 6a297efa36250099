"""Whether stalls follow the requests of one arm: tested by the coins that labelled the requests.

A coin decides for each request (or slice of the schedule) which arm gets it.  If stalls are the
machine's, then given all arrivals and all stalls the labels of the arrivals just before the stalls
are still fair coins x_u = +1 (candidate) or -1.  With w_u the number of pairs of an arrival of
coin u and a stall that begins within a window after it, S = sum of w_u x_u, and for every rate l

    E = exp(l S) / prod over u of cosh(l w_u)

has mean exactly 1 under that null, whatever the stalls are.  Rates of both signs make it
two-sided, so that swapping the arms changes nothing.  The logarithms of all E of a cause, window by
window, are kept: over pairs they add up, rate by rate, and the mean of e-values is one
(`verdict.correlated_stalls`).

Where the arms have CPUs of their own, or a tool of its own each, labels are no coins; but who
started first, and who got which CPUs, was one: then the whole pair is one coin.

References: Ramdas et al., arXiv 2210.01948 (e-values); Wolff 1982 (arrivals see time averages).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.records import CAUSES, Records
from socklat_gate.stalls.timeline import I64, stalls_of

__all__ = [
    "RATES",
    "WINDOWS_NS",
    "Evidence",
    "Weighed",
    "coin_evidence",
    "evidence_of_pair",
    "weigh",
]

WINDOWS_NS = (500_000, 1_000_000, 2_000_000, 5_000_000)
RATES = (0.05, 0.1, 0.2, 0.4, 0.8)
DIGITS = 3
"""Of the logarithms that are kept."""

Floats = npt.NDArray[np.float64]
Evidence = dict[str, tuple[float, ...]]
Weighed = Mapping[str, tuple[int, ...]]
"""By cause, for each window: pairs of an arrival and a stall that begins within it."""


def coin_evidence(
    baseline: Records,
    candidate: Records,
    stalls: Records,
    cpus: Sequence[int],
    slices: tuple[int, int] | None = None,
) -> Evidence:
    """Logarithms of the e-values by cause of stalls, for each window and rate.

    Arms hold `EXCHANGE` records, ``cpus`` are those that the services use.  ``slices``: when the
    schedule began and how long a slice is, in ns; None where each request had a coin of its own.
    """
    both = np.concatenate((baseline, candidate))
    at_ns = both["rx_first_ns"].astype(np.int64)
    label = np.repeat([-1, 1], (baseline.size, candidate.size))
    coin = np.arange(at_ns.size)
    if slices is not None:
        at_ns, label, coin = _by_slice(at_ns, label, *slices)
    found: Evidence = {}
    for cause in CAUSES:
        begins_ns = stalls_of(stalls, cpus, cause).from_ns
        parts = []
        for window_ns in WINDOWS_NS:
            weight = _followed(at_ns, begins_ns, window_ns)
            signed = float((label * weight).sum())
            parts.append(_log_e_values(signed, np.bincount(coin, weight).astype(np.float64)))
        found[cause] = tuple(np.round(np.concatenate(parts), DIGITS).tolist())
    return found


def weigh(arm: Records, stalls: Records, cpus: Sequence[int]) -> Weighed:
    """What `evidence_of_pair` compares, of one arm."""
    at_ns = arm["rx_first_ns"].astype(np.int64)
    begins = {cause: stalls_of(stalls, cpus, cause).from_ns for cause in CAUSES}
    return {
        cause: tuple(int(_followed(at_ns, begins_ns, w).sum()) for w in WINDOWS_NS)
        for cause, begins_ns in begins.items()
    }


def evidence_of_pair(baseline: Weighed, candidate: Weighed) -> Evidence:
    """As `coin_evidence` where the pair has but one coin; each e-value is below 2."""
    found: Evidence = {}
    for cause in CAUSES:
        parts = [
            _log_e_values(float(ours - theirs), np.array([abs(ours - theirs)], dtype=np.float64))
            for ours, theirs in zip(candidate[cause], baseline[cause], strict=True)
        ]
        found[cause] = tuple(np.round(np.concatenate(parts), DIGITS).tolist())
    return found


def _followed(at_ns: I64, begins_ns: I64, window_ns: int) -> I64:
    """How many stalls begin after each arrival, within the window."""
    until = np.searchsorted(begins_ns, at_ns + window_ns, side="right")
    return np.asarray(until - np.searchsorted(begins_ns, at_ns, side="right"))


def _log_e_values(signed: float, weight: Floats) -> Floats:
    """For the rates of both signs, shape (2 * rates,)."""
    weights, count = np.unique(weight[weight > 0], return_counts=True)
    rates = np.array(RATES)
    scaled = rates[:, np.newaxis] * weights
    normal = ((np.logaddexp(scaled, -scaled) - np.log(2.0)) * count).sum(axis=1)
    return np.concatenate((rates * signed - normal, -rates * signed - normal))


def _by_slice(at_ns: I64, label: I64, begin_ns: int, slice_ns: int) -> tuple[I64, I64, I64]:
    """Arrivals with the label of their slice; those of the one before, which came late, are out."""
    number = (at_ns - begin_ns) // slice_ns
    _, coin = np.unique(number, return_inverse=True)
    majority = np.sign(np.bincount(coin, label))[coin].astype(np.int64)
    kept = label == majority
    _, coin = np.unique(coin[kept], return_inverse=True)
    return at_ns[kept], label[kept], coin
