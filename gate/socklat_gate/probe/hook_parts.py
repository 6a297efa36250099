"""Attaches one part of a hook to the kernel: a tracepoint, a function, a clock."""

from __future__ import annotations

import ctypes
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from socklat_gate.measured.bpf_layout import layout
from socklat_gate.probe.binding import load_bcc
from socklat_gate.probe.btf import KernelTypes
from socklat_gate.probe.hook_table import Part
from socklat_gate.probe.tracing import Refused, attach_function, attach_tracepoint, has_program

__all__ = ["Untyped", "attach_part", "detach_part", "exists", "tracefs_is_mounted"]

_KPROBES = Path("/sys/bus/event_source/devices/kprobe")
_SOFTWARE, _CPU_CLOCK = 1, 0  # perf_type_id, perf_sw_ids of include/uapi/linux/perf_event.h
_TRACEFS = (Path("/sys/kernel/tracing/events"), Path("/sys/kernel/debug/tracing/events"))


class Untyped(Exception):
    """This kernel needs hooks that a probe compiled with ``-DTYPED`` does not have."""


def exists(part: Part, types: KernelTypes) -> bool:
    """Whether this kernel has what ``part`` attaches to."""
    if part.kind == "raw_tracepoint":
        return types.has_tracepoint(part.symbol)
    # Checked first: BCC would print its own errors on stderr.
    if part.kind in ("kprobe", "kretprobe") and not _KPROBES.exists():
        return False
    if part.kind == "perf_event":
        return True
    if part.kind == "tracepoint":  # by tracefs, which usually only root can read
        identity = f"{part.symbol.replace(':', '/')}/id"
        return any(os.access(place / identity, os.R_OK) for place in _TRACEFS)
    return types.has_function(part.symbol)


def tracefs_is_mounted() -> bool:
    """Whether tracepoints can be looked up by their names, which only some users may read."""
    return any(place.exists() for place in _TRACEFS)


def attach_part(program: Any, types: KernelTypes, part: Part, typed: bool) -> tuple[int, list[int]]:
    """Attach one part; its program's descriptor, and the descriptors outside BCC's clean-up.

    Raises `Refused`, or `Untyped` with ``typed`` where the part has no such program.
    """
    if typed and not has_program(program, part.function):
        raise Untyped(f"{part}: compiled without it")
    if typed and part.kind == "raw_tracepoint":
        try:
            fds = attach_tracepoint(program, types, part.symbol, part.function)
        except Refused as error:
            raise Untyped(f"{part}: {error}") from error
        return fds[0], list(fds)
    bpf = load_bcc().BPF
    function, symbol = part.function.encode(), part.symbol.encode()
    if part.kind in ("kfunc", "kretfunc"):
        try:
            on_exit = part.kind == "kretfunc"
            fds = attach_function(program, types, part.symbol, part.function, on_exit=on_exit)
        except Refused as error:
            raise Refused(f"{part}: {error}") from None
        return fds[0], list(fds)
    try:
        if part.kind == "raw_tracepoint":
            loaded = program.load_func(function, bpf.RAW_TRACEPOINT)
            return int(loaded.fd), [_link_raw_tracepoint(int(loaded.fd), part)]
        if part.kind == "tracepoint":
            loaded = program.load_func(function, bpf.TRACEPOINT)
            program.attach_tracepoint(tp=symbol, fn_name=function)
        elif part.kind == "perf_event":
            loaded = program.load_func(function, bpf.PERF_EVENT)
            clock = {"ev_type": _SOFTWARE, "ev_config": _CPU_CLOCK}
            program.attach_perf_event(**clock, fn_name=function, sample_period=layout()["TICK_NS"])
        elif part.kind == "kprobe":
            loaded = program.load_func(function, bpf.KPROBE)
            program.attach_kprobe(event=symbol, fn_name=function)
        else:
            loaded = program.load_func(function, bpf.KPROBE)
            program.attach_kretprobe(event=symbol, fn_name=function)
    except Exception as error:
        if type(error) is not Exception:  # BCC raises bare Exception for a refusal
            raise
        raise Refused(f"{part}: {_first_line(error)}") from None
    return int(loaded.fd), []


def _link_raw_tracepoint(program_fd: int, part: Part) -> int:
    """As BCC does it, which allows one program a tracepoint; closing the descriptor detaches."""
    link_fd = int(load_bcc().libbcc.lib.bpf_attach_raw_tracepoint(program_fd, part.symbol.encode()))
    if link_fd < 0:
        raise Refused(f"{part}: {os.strerror(ctypes.get_errno())}")
    return link_fd


def detach_part(program: Any, part: Part) -> None:
    """Detach a part that BCC attached."""
    symbol = part.symbol.encode()
    if part.kind == "tracepoint":
        program.detach_tracepoint(tp=symbol)
    elif part.kind == "perf_event":
        program.detach_perf_event(ev_type=_SOFTWARE, ev_config=_CPU_CLOCK)
    elif part.kind == "kprobe":
        program.detach_kprobe(event=symbol, **_one_function(program.detach_kprobe, part))
    elif part.kind == "kretprobe":
        program.detach_kretprobe(event=symbol, **_one_function(program.detach_kretprobe, part))


def _one_function(detach: Callable[..., None], part: Part) -> dict[str, bytes]:
    """BCC 0.19+ can detach one of several functions at a symbol; older versions detach all."""
    named = "fn_name" in inspect.signature(detach).parameters
    return {"fn_name": part.function.encode()} if named else {}


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
