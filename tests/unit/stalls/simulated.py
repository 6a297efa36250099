"""One CPU that is taken away now and then, and a FIFO service on it: latencies with and without."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.records import CAUSES, EXCHANGE, EXCHANGE_STAGES, STALL

__all__ = ["MS", "exchanges", "fifo", "stalls_at", "steal"]

MS = 1_000_000
Ints = npt.NDArray[np.int64]


def steal(
    rng: np.random.Generator, share: float, mean_ns: float, until_ns: int
) -> tuple[Ints, Ints]:
    """Begin and end of intervals that take this share of the time, exponential both ways."""
    begins, ends, at = [], [], 0.0
    while share:
        at += rng.exponential(mean_ns * (1 - share) / share)
        if at > until_ns:
            break
        begins.append(at)
        at += rng.exponential(mean_ns)
        ends.append(at)
    return np.array(begins, np.int64), np.array(ends, np.int64)


def fifo(arrival_ns: Ints, work_ns: Ints, begins: Ints, ends: Ints) -> Ints:
    """Latency of each request: its own work, what is ahead of it, and the stolen time."""
    lengths = ends - begins
    # A clock that stands still while the CPU is away makes it an ordinary queue.
    own_begins = begins - np.concatenate(([0], np.cumsum(lengths)))[: begins.size]
    before = np.searchsorted(begins, arrival_ns, side="right")
    total = np.concatenate(([0], np.cumsum(lengths)))
    inside = before > 0
    stolen = total[before].copy()
    last = np.maximum(before - 1, 0)
    if begins.size:
        stolen[inside] -= np.maximum(ends[last[inside]] - arrival_ns[inside], 0)
    own = arrival_ns - stolen
    done = np.empty_like(own)
    free = np.int64(-(1 << 62))
    for i in range(own.size):
        free = max(free, own[i]) + work_ns[i]
        done[i] = free
    paused = np.searchsorted(own_begins, done, side="left")
    return np.asarray(done + total[paused] - arrival_ns)


def exchanges(arrival_ns: Ints, latency_ns: Ints, target: int = 0, cpu: int = 0) -> np.ndarray:
    """Log records: a fifth of each latency is ``recv_wait``, and responses are of one send."""
    records = np.zeros(arrival_ns.size, EXCHANGE)
    records["rx_first_ns"] = arrival_ns
    wait_ns = latency_ns // 5
    for stage, values in (
        ("response", latency_ns),
        ("service", latency_ns),
        ("recv_wait", wait_ns),
        ("app", latency_ns - wait_ns),
    ):
        records["ns"][:, EXCHANGE_STAGES.index(stage)] = values
    records["measured"] = 0b1111
    records["target"] = target
    records["cpu"] = cpu
    return records


def stalls_at(begins: Ints, ends: Ints, cause: str = "steal", cpu: int = 0) -> np.ndarray:
    records = np.zeros(begins.size, STALL)
    records["from_ns"], records["to_ns"] = begins, ends
    records["cpu"], records["cause"] = cpu, CAUSES.index(cause)
    return records
