"""Snapshots of a target: what happened since the last one, and in all."""

from __future__ import annotations

import heapq
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from socklat_gate.measured.bpf_layout import names
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Spike
from socklat_gate.probe.netstat import increments, network_counters
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.reading import Reading
from socklat_gate.probe.traffic import Traffic
from socklat_gate.trace.target import Target

__all__ = ["Live", "Snapshot", "slots_for"]

SLOWEST = 10
MOST_PORTS = 15
"""Of a shared namespace that are shown beside the first one."""
_FOR_EVER_NS = 2**62
_SLOT = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One refresh: histograms (ns) and counters of the last interval and since the start.

    ``started_ns`` and ``taken_at_ns`` are when the trace began and when this snapshot was taken
    (CLOCK_MONOTONIC, as in `Spike`); plus ``realtime_offset_ns`` they are times of day.  Histograms
    have the measured stages, ``network`` what the target's own namespace counted, ``drops`` packets
    by reason.  ``recent_ports`` and ``total_ports`` have the response times of the target's other
    ports, each for itself.
    """

    started_ns: int
    taken_at_ns: int
    realtime_offset_ns: int
    interval_s: float
    recent: Mapping[str, Histogram]
    total: Mapping[str, Histogram]
    recent_counters: Mapping[str, int]
    counters: Mapping[str, int]
    network: Mapping[str, int]
    drops: Mapping[str, int]
    slowest: tuple[Spike, ...]
    missed: int
    recent_ports: Mapping[int, Histogram] = field(default_factory=dict)
    total_ports: Mapping[int, Histogram] = field(default_factory=dict)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the trace began."""
        return (self.taken_at_ns - self.started_ns) / 1e9

    @property
    def not_measured(self) -> tuple[str, ...]:
        """Stages that this kernel or this detail does not show."""
        return tuple(stage for stage in names("STAGE_") if stage not in self.total)


def slots_for(target: Target) -> int:
    """How many slots of the probe it takes; ports of an own namespace are told apart within one."""
    return 1 + (min(MOST_PORTS, len(target.others)) if target.shared else 0)


class Live:
    """The probe pointed at one target; `take_snapshot` as often as wanted."""

    def __init__(self, probe: SocketProbe, target: Target) -> None:
        self._probe = probe
        # The counters of a shared namespace are other services' too.
        self._network_of = 0 if target.shared else target.pid
        self._network_before = network_counters(self._network_of) if self._network_of else {}
        self._network: dict[str, int] = {}
        probe.watch(
            _SLOT, target.netns_inode, *target.ports, shared=target.shared, apart=target.apart
        )
        # In a namespace of its own the probe tells other ports apart; in a shared one each takes a
        # slot, as far as there are slots.
        self._others = target.others
        in_slots = target.others[:MOST_PORTS] if target.shared else ()
        self._slots = {port: slot for slot, port in enumerate(in_slots, _SLOT + 1)}
        for port, slot in self._slots.items():
            probe.watch(slot, target.netns_inode, port, shared=True, apart=False)
        self._started_ns = self._taken_at_ns = time.monotonic_ns()
        self._spike_ns = 0
        self._before: Reading | None = None
        self._slowest: tuple[Spike, ...] = ()
        self._ports_before: dict[int, Histogram] = {}
        self._open_window()
        for slot in self._slots.values():
            probe.record_between(
                slot, self._started_ns, _FOR_EVER_NS, 0, traffic=Traffic(http=True)
            )

    def take_snapshot(self) -> Snapshot:
        """What was aggregated so far, and since the last call."""
        now_ns = time.monotonic_ns()
        reading = self._probe.read(_SLOT)
        before = self._before
        recent = {
            stage: histogram if before is None else _minus(histogram, before.histograms[stage])
            for stage, histogram in reading.histograms.items()
        }
        counts = before.counters if before else {}
        ports = self._by_port(reading)
        self._slowest = tuple(heapq.nlargest(SLOWEST, reading.spikes, key=_length_ns))
        snapshot = Snapshot(
            started_ns=self._started_ns,
            taken_at_ns=now_ns,
            # Anew each time, since the time of day may be set.
            realtime_offset_ns=time.time_ns() - time.monotonic_ns(),
            interval_s=(now_ns - self._taken_at_ns) / 1e9,
            recent=recent,
            total=reading.histograms,
            recent_counters={n: v - counts.get(n, 0) for n, v in reading.counters.items()},
            counters=reading.counters,
            network=self._network_so_far(),
            drops=reading.drops,
            slowest=self._slowest,
            missed=self._probe.missed(),
            recent_ports={
                port: _minus(histogram, self._ports_before[port])
                if port in self._ports_before
                else histogram
                for port, histogram in ports.items()
            },
            total_ports=ports,
        )
        self._before, self._taken_at_ns, self._ports_before = reading, now_ns, ports
        self._raise_threshold()
        return snapshot

    def _by_port(self, reading: Reading) -> dict[int, Histogram]:
        """Response times of the other ports, in their order."""
        if self._slots:
            return {
                port: self._probe.read(slot).histograms["response"]
                for port, slot in self._slots.items()
            }
        empty = Histogram.empty()
        return {port: reading.internal.get(str(port), empty) for port in self._others}

    def _network_so_far(self) -> dict[str, int]:
        """Empty for a shared namespace; the last known when the target has ended."""
        if self._network_of and (now := network_counters(self._network_of)):
            self._network = increments(self._network_before, now)
        return self._network

    def _raise_threshold(self) -> None:
        """Only what can still enter the list of the slowest is sent up one by one."""
        if len(self._slowest) == SLOWEST:
            self._spike_ns = max(self._slowest[-1].length_ns, self._spike_ns)
        # Also where the threshold stays: it renews the budget of spikes that are sent up.
        self._open_window()

    def _open_window(self) -> None:
        # Until there are as many as the list takes, every exchange is one of the slowest.
        self._probe.record_between(
            _SLOT, self._started_ns, _FOR_EVER_NS, self._spike_ns or 1, traffic=Traffic(http=True)
        )


def _minus(now: Histogram, before: Histogram) -> Histogram:
    return Histogram(now.counts - before.counts)


def _length_ns(spike: Spike) -> int:
    return spike.length_ns
