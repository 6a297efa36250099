"""Each hook set in turn on a probe that is compiled once: an emulated CPU compiles for 15 s.

Kprobes need a compilation without typed arguments.  With ``SOCKLAT_UNTYPED`` the others
take it, too, as they do where one hook of a kernel has no types.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from socklat_gate.probe.binding import load_bcc
from socklat_gate.probe.btf import KernelTypes
from socklat_gate.probe.hook_table import Detail, Kind
from socklat_gate.probe.hooks import Untyped
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.programs import Compiler

__all__ = ["DEFAULT", "Compiled", "wanted_sets"]

DEFAULT = "default"
"""Each event has the best hook that the kernel takes."""

_KINDS: dict[str, Kind] = {"tracepoint": "raw_tracepoint", "kprobe": "kprobe", "kfunc": "kfunc"}


def wanted_sets() -> list[str]:
    """The hook sets that ``SOCKLAT_HOOKS`` names, with commas; `DEFAULT` alone without it."""
    named = [name for name in os.environ.get("SOCKLAT_HOOKS", "").split(",") if name]
    unknown = set(named) - set(_KINDS)
    if unknown:
        raise pytest.UsageError(f"SOCKLAT_HOOKS has {sorted(unknown)}; known: {', '.join(_KINDS)}")
    return named or [DEFAULT]


class Compiled(Compiler):
    """Context manager: programs compiled once a recipe, from which probes are attached in turn."""

    def __init__(self) -> None:
        self._shelf: dict[tuple[str, ...], Any] = {}

    def __enter__(self) -> Compiled:
        return self

    def __exit__(self, *_: object) -> None:
        for bpf in self._shelf.values():
            super().release(bpf)

    @contextmanager
    def probe(
        self, hook_set: str, detail: Detail = "headline", targets: int | None = None
    ) -> Iterator[SocketProbe]:
        """A probe with the hooks of one set; the test fails where none of them attaches."""
        kind = _KINDS.get(hook_set)
        with SocketProbe(
            detail=detail, prefer=kind, stalls=True, targets=targets, compiler=self
        ) as probe:
            if kind and not any(hook.startswith(kind) for hook in probe.hooks.values()):
                pytest.fail(f"no {hook_set} hook attaches here: {probe.hooks}", pytrace=False)
            yield probe

    def compile(self, types: KernelTypes, flags: Sequence[str]) -> Any:
        if "-DTYPED" in flags and os.environ.get("SOCKLAT_UNTYPED"):
            raise Untyped("SOCKLAT_UNTYPED asks for one compilation")
        recipe = tuple(flags)
        if recipe not in self._shelf:
            self._shelf[recipe] = super().compile(types, flags)
        return self._shelf[recipe]

    def release(self, bpf: Any) -> None:
        """Detaches only: programs and maps outlive the probe."""
        for clock in list(bpf.open_perf_events):
            bpf.detach_perf_event(*clock)
        for detach, places in (
            (bpf.detach_kprobe_event, bpf.kprobe_fds),
            (bpf.detach_tracepoint, bpf.tracepoint_fds),
        ):
            for place in [place for place, of in places.items() if of != {}]:
                detach(place)
        if bpf._ringbuf_manager:
            # The next probe's reader opens the ring anew; this one's callback ends with its reader.
            load_bcc().libbcc.lib.bpf_free_ringbuf(bpf._ringbuf_manager)
            bpf._ringbuf_manager = None
