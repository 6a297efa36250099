"""How much each exchange counts, so that stalls neither lengthen latencies nor hide long ones.

Leaving out exchanges that met a stall would hide slow requests, because the longer one takes the
likelier it meets one.  So an exchange that was finished before the next stall began counts for
those like it that were not: with weight 1 / G(t), where t is its latency and G(t) the share of all
arrivals after which the machine stayed undisturbed for t.  That is inverse-probability-of-censoring
weighting, here with a known censoring time for every exchange: a stall is to latency what the end
of a study is to survival (Robins and Rotnitzky 1992; Kaplan and Meier 1958 is the same estimate
without other stages).  It is unbiased as long as stalls do not depend on how long requests take.

Arrivals during a stall, and while its backlog drains, are left out: that looks at no latency.
Beyond the horizon, where G falls below `LEAST_SHARE`, weights would be few and huge; there every
exchange counts as it is, less the stolen time: a spike of 800 ms never goes missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.stalls.timeline import I64, Timeline

__all__ = [
    "LEAST_SHARE",
    "Weights",
    "correlated_with_requests",
    "exchange_weights",
    "recovery_periods",
]

LEAST_SHARE = 0.2
"""Horizon: the time that at least this share of the arrivals had undisturbed."""

SETTLE_LEAST_NS = 1_000_000
SETTLE_MOST_NS = 2_000_000_000
BACKLOG = 1.0
"""Time that a backlog takes to drain, per time stolen: that of a CPU which is half busy."""

DEPENDENT_DISTANCE = 1.9494746035043753
"""Kolmogorov's quantile at 1e-3: that is the chance that stalls which do not depend on requests are
taken for ones that do."""

CLOCK_TICKS = 1 << 16
ROTATIONS = 100
"""Shifts of the arrivals against the stalls, with which a dependence is held once it is found."""
MOST_ROTATED = 1 << 14

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """``weight`` (0: not used) and the stolen time to take off, by exchange; the horizon in ns.

    ``calm`` arrivals came neither during a stall nor while its backlog drained.
    """

    weight: Floats
    stolen_ns: I64
    horizon_ns: int
    calm: npt.NDArray[np.bool_]


def recovery_periods(stalls: Timeline) -> Timeline:
    """Stalls with the time their backlog takes to drain, what earlier ones left included."""
    lengths = stalls.to_ns - stalls.from_ns
    ready = np.empty_like(lengths)
    backlog = last = 0
    for i, (begin, length) in enumerate(zip(stalls.from_ns, lengths, strict=True)):
        backlog = max(0, backlog - int(begin - last)) + int(BACKLOG * length)
        backlog = min(max(backlog, SETTLE_LEAST_NS), SETTLE_MOST_NS)
        last = begin + length
        ready[i] = backlog
    return stalls.extend(ready)


def exchange_weights(arrival_ns: I64, latency_ns: I64, stalls: Timeline) -> Weights:
    """Weights of exchanges by arrival and latency; both of shape (n,)."""
    none = np.zeros_like(arrival_ns)
    if not len(stalls):
        always = np.ones(arrival_ns.size, dtype=bool)
        return Weights(np.ones(arrival_ns.size), none, np.iinfo(np.int64).max, always)
    calm = ~recovery_periods(stalls).contains(arrival_ns)
    left_ns = stalls.until_next_ns(arrival_ns)
    known = np.sort(left_ns[calm])
    if not known.size:
        return Weights(np.zeros(arrival_ns.size), none, 0, calm)
    # G(t) is the share of calm arrivals with more than t left.
    horizon_ns = int(known[known.size - int(np.ceil(LEAST_SHARE * known.size))])
    stolen_ns = stalls.inside_ns(arrival_ns, arrival_ns + latency_ns)
    share = 1.0 - np.searchsorted(known, latency_ns, side="right") / known.size
    finished = calm & (latency_ns < left_ns) & (latency_ns < horizon_ns)
    beyond = calm & (latency_ns - stolen_ns >= horizon_ns)
    weight = np.zeros(arrival_ns.size)
    weight[finished] = 1.0 / share[finished]
    weight[beyond] = 1.0
    return Weights(weight, stolen_ns, horizon_ns, calm)


def correlated_with_requests(arrival_ns: I64, stalls: Timeline, from_ns: int, to_ns: int) -> bool:
    """Whether stalls follow arrivals more, or less, than they follow just any time.

    Poisson arrivals see what a clock would see (Wolff 1982, PASTA).  If they do not, the requests
    themselves bring the "stalls" about, and weighting by them would hide slow requests.  But a
    load driver that is busy after a stall sends what is due in clumps, which are fewer draws than
    they have arrivals: so they must also see more than the same clumps do at other times.
    """
    if not len(stalls) or not arrival_ns.size:
        return False
    settled = recovery_periods(stalls)
    clock_ns = np.linspace(from_ns, to_ns, CLOCK_TICKS, endpoint=False).astype(np.int64)
    expected = np.sort(stalls.until_next_ns(clock_ns)[~settled.contains(clock_ns)])
    # Kolmogorov-Smirnov: given the stalls, Poisson arrivals are independent draws.
    distance = _ks_distance(arrival_ns, stalls, settled, expected)
    if distance <= DEPENDENT_DISTANCE:
        return False
    if np.isinf(distance):
        return True
    some_ns = arrival_ns[:: 1 + arrival_ns.size // MOST_ROTATED]
    few = expected[:: 1 + expected.size // MOST_ROTATED]
    length_ns = to_ns - from_ns
    turns_ns = np.linspace(0, length_ns, ROTATIONS + 1, endpoint=False).astype(np.int64)
    found, *elsewhere = (
        _ks_distance(from_ns + (some_ns - from_ns + turn) % length_ns, stalls, settled, few)
        for turn in turns_ns
    )
    return found > max(elsewhere)


def _ks_distance(at_ns: I64, stalls: Timeline, settled: Timeline, expected: I64) -> float:
    """Largest distance of the times until the next stall from those ``expected``, rising ones.

    Times the root of the number of instants; infinite when either has none to compare.
    """
    seen = np.sort(stalls.until_next_ns(at_ns)[~settled.contains(at_ns)])
    if not seen.size or not expected.size:
        return float("inf")
    apart = np.searchsorted(seen, expected, side="right") / seen.size
    apart -= np.searchsorted(expected, expected, side="right") / expected.size
    return float(np.abs(apart).max() * np.sqrt(seen.size))
