"""BPF programs that gates of one test process take in turn: each of them is compiled once.

To compile them takes 2 s of CPU time, as much as all else that a short gate does.  A gate in a
process of its own (``apart``, `Gate.start`) compiles them itself, and so does whoever wants all
stages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from socklat_gate.probe.btf import KernelTypes
from socklat_gate.probe.programs import Compiler
from tests.conformance.hook_sets import Compiled

__all__ = ["compiled_once"]

# What one probe knows that the next one does not set or clear itself, slot by slot.
KNOWN = (
    *("targets", "services", "watched", "windows", "connections"),
    *("sends_in_flight", "cpu_watches", "load_processes"),
)


class _InTurn(Compiled):
    """Compiles what is in use, or has parts that are not emptied here, for its one probe."""

    def __init__(self) -> None:
        super().__init__()
        self._taken: list[Any] = []
        self._anew = Compiler()

    def compile(self, types: KernelTypes, flags: Sequence[str]) -> Any:
        if "-DDETAIL_FULL" in flags:
            return self._anew.compile(types, flags)
        bpf = super().compile(types, flags)
        if any(bpf is taken for taken in self._taken):
            return self._anew.compile(types, flags)
        for name in KNOWN:
            with suppress(KeyError):  # not compiled in on this kernel
                bpf[name.encode()].clear()
        self._taken.append(bpf)
        return bpf

    def release(self, bpf: Any) -> None:
        left = [taken for taken in self._taken if taken is not bpf]
        if len(left) == len(self._taken):
            self._anew.release(bpf)
            return
        self._taken = left
        super().release(bpf)


@contextmanager
def compiled_once() -> Iterator[None]:
    """Meanwhile probes of this process share their programs."""
    with pytest.MonkeyPatch.context() as patch, _InTurn() as programs:
        patch.setattr("socklat_gate.probe.probe.Compiler", lambda: programs)
        yield
