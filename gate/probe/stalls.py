"""Stolen time as the kernel's ticks tell it: which CPU was taken away, when, for how long."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

from gate.probe.maps import map_fd
from gate.probe.rings import Ring
from gate.probe.sources import layout

__all__ = ["STALL", "StallReader"]

STALL = np.dtype([("from_ns", np.uint64), ("to_ns", np.uint64), ("cpu", np.uint64)])
"""``struct stall`` of bpf/stalls.c; times are of CLOCK_MONOTONIC."""


class StallReader:
    """Gathers the stalls of a loaded probe; to be asked now and then, since the ring is finite."""

    def __init__(self, bpf: Any) -> None:
        size_bytes = layout()["STALL_RING_PAGES"] * mmap.PAGESIZE
        self._ring = Ring(map_fd(bpf, "stalls"), size_bytes, STALL)

    def drain(self) -> npt.NDArray[Any]:
        """Stalls that came to light since the last call, by their end; dtype `STALL`."""
        return self._ring.drain()

    def close(self) -> None:
        """Unmaps the ring."""
        self._ring.close()
