"""Reads a BPF ring buffer in one go, as a numpy array of its records.

BCC calls back for each record, which at thousands a second would be noise beside what is measured.
Layout (Documentation/bpf/ringbuf.rst, kernel/bpf/ringbuf.c): a page with the consumer's position,
a page with the producer's, then the data, mapped twice in a row; each record has a header of 8
bytes, whose first word is its length and two flags.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Ring"]

_HEADER_BYTES = 8
_BUSY, _DISCARDED = 1 << 31, 1 << 30


class Ring:
    """A ring whose records all have one dtype, by the map's descriptor and size in bytes.

    Nothing else may consume it.  Raises `OSError` when it cannot be mapped.
    """

    def __init__(self, fd: int, size_bytes: int, dtype: npt.DTypeLike) -> None:
        page = mmap.PAGESIZE
        self._dtype = np.dtype(dtype)
        self._size_bytes = size_bytes
        self._stride = -(-self._dtype.itemsize // 8) * 8 + _HEADER_BYTES
        self._ours = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._theirs = mmap.mmap(
            fd, page + 2 * size_bytes, mmap.MAP_SHARED, mmap.PROT_READ, offset=page
        )
        self._consumed = np.frombuffer(self._ours, np.uint64, 1)
        self._produced = np.frombuffer(self._theirs, np.uint64, 1)
        self._data = np.frombuffer(self._theirs, np.uint8, 2 * size_bytes, offset=page)

    def drain(self) -> npt.NDArray[Any]:
        """All records that are there, oldest first; they leave the ring."""
        at, end = int(self._consumed[0]), int(self._produced[0])
        first = at % self._size_bytes
        complete = (end - at) // self._stride * self._stride
        records = self._data[first : first + complete].reshape(-1, self._stride)
        flags = records[:, :4].copy().view(np.uint32).ravel()
        busy = np.flatnonzero(flags & _BUSY)
        if busy.size:  # still being written: it and what follows stay for the next time
            records, flags = records[: busy[0]], flags[: busy[0]]
        used = records[flags & _DISCARDED == 0]
        size = self._dtype.itemsize
        found = used[:, _HEADER_BYTES : _HEADER_BYTES + size].copy().view(self._dtype).ravel()
        self._consumed[0] = at + records.shape[0] * self._stride
        return np.asarray(found)

    def close(self) -> None:
        """Unmaps the ring; the arrays that `drain` gave stay valid."""
        del self._consumed, self._produced, self._data
        for mapping in (self._ours, self._theirs):
            # The traceback of a signal that came within `drain` holds a view of it, and unmaps it
            # when it goes.
            with suppress(BufferError):
                mapping.close()
