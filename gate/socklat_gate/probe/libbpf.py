"""libbpf, the library that every libbcc depends on, under whichever name it has here."""

from __future__ import annotations

import ctypes
from functools import lru_cache

from socklat_gate.errors import Reason, UnfitEnvironment

__all__ = ["libbpf"]


@lru_cache(maxsize=1)
def libbpf() -> tuple[ctypes.CDLL, int]:
    """The library and its major version.  Raises `UnfitEnvironment` (NO_BCC) without one."""
    for major in (1, 0):
        try:
            return ctypes.CDLL(f"libbpf.so.{major}", use_errno=True), major
        except OSError:
            continue
    raise UnfitEnvironment(
        Reason.NO_BCC,
        "libbpf.so was not found",
        remedy="install it with BCC: apt-get install python3-bpfcc libbpf1",
    )
