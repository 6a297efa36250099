"""When a CPU was not there for the services, and the exchanges to hold against that."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from socklat_gate.measured.bpf_layout import layout
from socklat_gate.measured.records import EXCHANGE, STALL, Records
from socklat_gate.probe.maps import map_fd
from socklat_gate.probe.rings import Ring

__all__ = ["StallReader"]


class StallReader:
    """Gathers stalls and exchanges of a loaded probe; `drain` it several times a second.

    Times are of CLOCK_MONOTONIC.
    """

    def __init__(self, bpf: Any) -> None:
        self._exchanges = _ring(bpf, "exchange_log", "LOG_RING_PAGES", EXCHANGE)
        self._stalls = _ring(bpf, "stalls", "STALL_RING_PAGES", STALL)
        self._cpus = bpf[b"cpu_watches"]
        self._load = bpf[b"load_processes"]
        self._load.clear()  # a compilation can serve several probes in turn
        self._loads: dict[str, frozenset[int]] = {}

    def drain(self) -> tuple[Records, Records]:
        """What came to light since the last call, by its end: dtype `EXCHANGE`, dtype `STALL`."""
        return self._exchanges.drain(), self._stalls.drain()

    def unsent(self) -> int:
        """Stalls so far that found the ring full; lost exchanges are in the probe's counters."""
        return sum(cpu.unsent for cpu in self._cpus[self._cpus.Key(0)])

    def set_load(self, processes: Iterable[int], of: str) -> None:
        """Says whose CPU time is the load's; see `SocketProbe.set_load`."""
        before = self._all_load()
        self._loads[of] = frozenset(processes)
        now = self._all_load()
        for process in before - now:
            del self._load[self._load.Key(process)]
        for process in now - before:
            self._load[self._load.Key(process)] = self._load.Leaf(1)

    def _all_load(self) -> frozenset[int]:
        return frozenset().union(*self._loads.values())

    def close(self) -> None:
        """Unmaps the rings."""
        self._exchanges.close()
        self._stalls.close()


def _ring(bpf: Any, name: str, pages: str, dtype: npt.DTypeLike) -> Ring:
    return Ring(map_fd(bpf, name), layout()[pages] * mmap.PAGESIZE, dtype)
