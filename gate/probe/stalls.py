"""When a CPU was not there for the services: which, since when, how long, and who had it."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from gate.clean.timeline import STALL
from gate.probe.maps import map_fd
from gate.probe.rings import Ring
from gate.probe.sources import layout

__all__ = ["StallReader"]


class StallReader:
    """Gathers the stalls of a loaded probe; to be asked several times a second: the ring is small.

    Times are of CLOCK_MONOTONIC.
    """

    def __init__(self, bpf: Any) -> None:
        size_bytes = layout()["STALL_RING_PAGES"] * mmap.PAGESIZE
        self._ring = Ring(map_fd(bpf, "stalls"), size_bytes, STALL)
        self._load = bpf[b"load_processes"]

    def drain(self) -> npt.NDArray[Any]:
        """Stalls that came to light since the last call, by their end; dtype `STALL`."""
        return self._ring.drain()

    def set_load(self, processes: Iterable[int]) -> None:
        """Says whose CPU time is the load's; their children's is too."""
        self._load.clear()
        for process in processes:
            self._load[self._load.Key(process)] = self._load.Leaf(1)

    def close(self) -> None:
        """Unmaps the ring."""
        self._ring.close()
