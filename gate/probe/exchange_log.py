"""The log of exchanges: one by one, but read in bulk."""

from __future__ import annotations

import mmap
from typing import Any

import numpy.typing as npt

from gate.clean.timeline import EXCHANGE
from gate.probe.maps import map_fd
from gate.probe.rings import Ring
from gate.probe.sources import layout

__all__ = ["LogReader"]


class LogReader:
    """Gathers ``struct logged`` of bpf/log.h; to be asked several times a second."""

    def __init__(self, bpf: Any) -> None:
        sizes = layout()
        size_bytes = sizes["LOG_RING_PAGES"] * mmap.PAGESIZE
        self._ring = Ring(map_fd(bpf, "exchange_log"), size_bytes, EXCHANGE)

    def drain(self) -> npt.NDArray[Any]:
        """Exchanges that ended since the last call; dtype `EXCHANGE`."""
        return self._ring.drain()

    def close(self) -> None:
        """Unmaps the ring."""
        self._ring.close()
