"""What is known of one replica while it is watched: its exchanges, its CPU time and its memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from socklat_gate.job.counter_reader import CounterRing
from socklat_gate.job.recent_stalls import RecentStalls
from socklat_gate.job.replica_stops import ReplicaStops
from socklat_gate.job.replica_unseen import NOTHING, Unseen
from socklat_gate.measured.records import EXCHANGE_STAGES, MOSTLY_ZERO, Records
from socklat_gate.measured.run import Spike
from socklat_gate.measured.watch import Replica, Slice
from socklat_gate.service.arm import RunningArm
from socklat_gate.service.cpu_time import CpuMeter
from socklat_gate.service.memory_use import memory_bytes

__all__ = ["SLICE_NS", "ReplicaLog"]

SLICE_NS = 10_000_000_000
RESPONSE = EXCHANGE_STAGES.index("response")

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Reading:
    """At the end of a slice: memory held, and CPU time used since the start (None: not known)."""

    at_ns: int
    memory_bytes: int | None
    cpu_ns: int | None


@dataclass
class ReplicaLog:
    """Of the container ``arm``, up at ``started_ns``, with load on from ``from_ns``.

    Exchanges of at least ``spike_ns`` are kept whole.  ``unseen`` is set by whoever has the counts
    of the load's driver, at its end.  ``ring`` has the looks at its counters (None: there are
    none), and it may use the CPUs ``cpus``.
    """

    arm: RunningArm
    started_ns: int
    from_ns: int
    spike_ns: int
    unseen: Unseen = NOTHING
    ring: CounterRing | None = None
    cpus: Collection[int] = ()
    _begun_ns: list[I64] = field(default_factory=list)
    _took_ns: list[I64] = field(default_factory=list)
    _spikes: list[Spike] = field(default_factory=list)
    _readings: list[_Reading] = field(default_factory=list)
    _known: list[Slice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._meter = CpuMeter(self.arm.pid)
        self._stops = ReplicaStops(self.ring, self.cpus)
        self._read(self.from_ns)

    @property
    def exchanges(self) -> int:
        """How many were taken."""
        return sum(times.size for times in self._begun_ns)

    @property
    def kept(self) -> int:
        """How many of them are kept whole."""
        return len(self._spikes)

    @property
    def took_ns(self) -> I64:
        """How long each took, in the order in which they began."""
        return self._in_order()[1]

    def keep_from(self, spike_ns: int) -> None:
        """Keeps whole only those of at least ``spike_ns`` from now on, of those so far as well."""
        self.spike_ns = spike_ns
        self._spikes = [one for one in self._spikes if one.length_ns >= spike_ns]
        self._stops.keep_from(spike_ns)

    def take(self, rows: Records) -> None:
        """Rows of `EXCHANGE` that are this container's; what was before its load is left out."""
        rows = rows[rows["rx_first_ns"] >= self.from_ns]
        if not rows.size:
            return
        took_ns = rows["ns"][:, RESPONSE].astype(np.int64)
        self._begun_ns.append(rows["rx_first_ns"].astype(np.int64))
        self._took_ns.append(took_ns)
        slow = [_spike(row) for row in rows[took_ns >= self.spike_ns]]
        self._spikes += slow
        for one in slow:
            self._stops.add(one)

    def settle(self, now_ns: int, stalls: RecentStalls) -> None:
        """Finds what it used during slow exchanges that ended a while before ``now_ns``."""
        self._stops.settle(now_ns, stalls)

    def poll(self, now_ns: int) -> None:
        """Ends a slice when its time has come."""
        if now_ns >= self._readings[-1].at_ns + SLICE_NS:
            self._read(now_ns)

    def replica(self, to_ns: int, generation: int = 0) -> Replica:
        """All that is known, watched until ``to_ns``."""
        return Replica(
            arm=self.arm.arm,
            number=self.arm.replica,
            started_ns=self.started_ns,
            from_ns=self.from_ns,
            to_ns=to_ns,
            exchanges=self.exchanges,
            no_response=self.unseen.no_response,
            spikes=tuple(sorted(self._spikes, key=lambda spike: spike.rx_first_ns)),
            slices=tuple(self._slices()),
            waited=self.unseen.waited,
            lost=self.unseen.lost,
            generation=generation,
            uses=self._stops.uses,
        )

    def _read(self, now_ns: int) -> None:
        use = self._meter.read()
        memory = memory_bytes(self.arm.pid)
        self._readings.append(_Reading(now_ns, memory, use.used_ns if use else None))

    def _in_order(self) -> tuple[I64, I64]:
        """When exchanges began and how long they took; few arrays are kept instead of many."""
        begun_ns, took_ns = (
            np.concatenate([np.zeros(0, np.int64), *parts])
            for parts in (self._begun_ns, self._took_ns)
        )
        order = np.argsort(begun_ns, kind="stable")
        self._begun_ns, self._took_ns = [begun_ns[order]], [took_ns[order]]
        return self._begun_ns[0], self._took_ns[0]

    def _slices(self) -> list[Slice]:
        """Only those are made anew to which an exchange came since the last time."""
        begun_ns, took_ns = self._in_order()
        edges = np.searchsorted(begun_ns, [reading.at_ns for reading in self._readings]).tolist()
        found = []
        for at, (before, after) in enumerate(pairwise(self._readings)):
            times = took_ns[edges[at] : edges[at + 1]]
            if at < len(self._known) and self._known[at].exchanges == times.size:
                found.append(self._known[at])
                continue
            p50, p99 = np.quantile(times, [0.5, 0.99]) if times.size else (np.nan, np.nan)
            cpu_ns = (
                None
                if before.cpu_ns is None or after.cpu_ns is None
                else max(0, after.cpu_ns - before.cpu_ns)
            )
            found.append(
                Slice(
                    from_ns=before.at_ns,
                    to_ns=after.at_ns,
                    exchanges=times.size,
                    p50_ns=float(p50),
                    p99_ns=float(p99),
                    memory_bytes=after.memory_bytes,
                    cpu_ns=cpu_ns,
                )
            )
        self._known = found
        return found


def _spike(row: np.void) -> Spike:
    """The row as a spike; whose connection it was is not in the log."""
    measured = int(row["measured"])
    stages = {
        stage: took
        for bit, (stage, took) in enumerate(zip(EXCHANGE_STAGES, row["ns"].tolist(), strict=True))
        if measured >> bit & 1 or stage in MOSTLY_ZERO
    }
    return Spike(int(row["rx_first_ns"]), stages, peer="", cpu=int(row["cpu"]))
