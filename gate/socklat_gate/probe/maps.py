"""Reads and writes BPF maps with one system call an item; items come as numpy arrays.

BCC's own table objects convert element by element, which takes seconds for whole histograms.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from socklat_gate.probe.binding import load_bcc

__all__ = ["PerCpuArray", "WideHash", "map_fd", "possible_cpus"]


def possible_cpus() -> int:
    """Number of CPUs for which the kernel keeps per-CPU map values."""
    text = Path("/sys/devices/system/cpu/possible").read_text("ascii").strip()
    return int(text.split("-")[-1].split(",")[-1]) + 1


def map_fd(program: Any, name: str) -> int:
    """Descriptor of a map of a compiled BCC program.

    BCC's own table object would also decode the types of key and value, which it cannot for those
    declared as bytes (bpf/layout.h).  Raises `KeyError` when the program has no such map.
    """
    fd = int(load_bcc().lib.bpf_table_fd(program.module, name.encode()))
    if fd < 0:
        raise KeyError(name)
    return fd


class PerCpuArray:
    """A ``BPF_PERCPU_ARRAY``, by its descriptor, whose item is ``words`` integers of one dtype.

    With ``copies=1`` a ``BPF_ARRAY``; its items must be a multiple of 8 bytes.
    """

    def __init__(
        self, fd: int, dtype: npt.DTypeLike, words: int, copies: int | None = None
    ) -> None:
        self._fd = fd
        self._dtype = np.dtype(dtype)
        self._words = words
        # The kernel pads each CPU's value to 8 bytes.
        self._stride = -(-words * self._dtype.itemsize // 8) * 8 // self._dtype.itemsize
        self._lib = load_bcc().libbcc.lib
        self._shape = (copies or possible_cpus(), self._stride)

    def read(self, slot: int) -> npt.NDArray[np.uint64]:
        """Sum over CPUs, shape (words,).  Raises `OSError` when the kernel refuses."""
        buffer = np.zeros(self._shape, dtype=self._dtype)
        self._call(self._lib.bpf_lookup_elem, slot, buffer)
        return np.asarray(buffer[:, : self._words].sum(axis=0, dtype=np.uint64))

    def clear(self, slot: int) -> None:
        """Sets the item to zero on all CPUs.  Raises `OSError` when the kernel refuses."""
        zeros = np.zeros(self._shape, dtype=self._dtype)
        self._call(self._lib.bpf_update_elem, slot, zeros, 0)

    def _call(self, function: Any, slot: int, buffer: npt.NDArray[Any], *flags: int) -> None:
        key = ctypes.c_uint32(slot)
        data = buffer.ctypes.data_as(ctypes.c_void_p)
        if function(self._fd, ctypes.byref(key), data, *flags) < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"BPF map, slot {slot}: {os.strerror(number)}")


class WideHash:
    """A ``BPF_HASH`` with keys of 8 bytes whose value is ``words`` integers of one dtype."""

    def __init__(self, fd: int, dtype: npt.DTypeLike, words: int) -> None:
        self._fd = fd
        self._dtype = np.dtype(dtype)
        self._words = words
        self._lib = load_bcc().libbcc.lib

    def __iter__(self) -> Iterator[int]:
        """The keys that are there, each once even while others are added."""
        found: dict[int, None] = {}
        key, following = ctypes.c_uint64(), ctypes.c_uint64()
        failed = self._lib.bpf_get_first_key(self._fd, ctypes.byref(following), 8)
        while not failed and following.value not in found:
            found[following.value] = None
            key.value = following.value
            failed = self._lib.bpf_get_next_key(
                self._fd, ctypes.byref(key), ctypes.byref(following)
            )
        return iter(found)

    def read(self, key: int) -> npt.NDArray[np.uint64]:
        """Shape (words,); zeros when there is no such key."""
        buffer = np.zeros(self._words, dtype=self._dtype)
        data = buffer.ctypes.data_as(ctypes.c_void_p)
        self._lib.bpf_lookup_elem(self._fd, ctypes.byref(ctypes.c_uint64(key)), data)
        return buffer.astype(np.uint64)

    def delete(self, key: int) -> None:
        """Nothing when there is no such key."""
        self._lib.bpf_delete_elem(self._fd, ctypes.byref(ctypes.c_uint64(key)))
