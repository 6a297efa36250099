"""Attaches events: for each the first hook that this kernel takes, settled by trying."""

from __future__ import annotations

import ctypes
import inspect
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.measured.bpf_layout import layout
from socklat_gate.probe.binding import load_bcc
from socklat_gate.probe.btf import KernelTypes
from socklat_gate.probe.hook_table import Event, Hook, Kind, Part
from socklat_gate.probe.tracing import Refused, attach_function, attach_tracepoint, has_program

_KPROBES = Path("/sys/bus/event_source/devices/kprobe")
_SOFTWARE, _CPU_CLOCK = 1, 0  # perf_type_id, perf_sw_ids of include/uapi/linux/perf_event.h
_TRACEFS = (Path("/sys/kernel/tracing/events"), Path("/sys/kernel/debug/tracing/events"))

__all__ = ["Attached", "Untyped", "attach_all", "attach_event"]

log = logging.getLogger(__name__)


class Untyped(Exception):
    """This kernel needs hooks that a probe compiled with ``-DTYPED`` does not have."""


@dataclass(frozen=True, slots=True)
class Attached:
    """An event's hook in place; ``program_fds`` serve to ask the kernel for missed invocations.

    ``own_fds`` are those that BCC's clean-up knows nothing of; `detach` closes them.
    """

    event: str
    hook: Hook
    program_fds: tuple[int, ...]
    own_fds: tuple[int, ...] = ()

    def __str__(self) -> str:
        return "+".join(str(part) for part in self.hook)

    def detach(self) -> None:
        """Ends what BCC's own clean-up does not."""
        for fd in self.own_fds:
            os.close(fd)


def attach_all(
    program: Any,
    types: KernelTypes,
    events: Iterable[Event],
    prefer: Kind | None = None,
    *,
    typed: bool = False,
) -> list[Attached]:
    """Attaches one hook for each event; optional events may stay without.

    ``typed`` says that the program was compiled with ``-DTYPED``: its tracepoints' arguments are
    typed.  Raises `Untyped` when a hook's turn comes that cannot be loaded so; nothing stays
    attached then, and the caller compiles without.

    ``prefer`` tries hooks with parts of that kind first where an event has one, which is how each
    hook set is tested; without it the order is the events' own.  Raises `UnfitEnvironment`
    (NO_HOOK) with every candidate's refusal when an event finds none; nothing stays attached then.
    """
    attached: list[Attached] = []
    try:
        for event in events:
            one = attach_event(program, types, event, prefer, typed=typed)
            if one is not None:
                attached.append(one)
    except BaseException:
        for one in attached:
            one.detach()
        raise
    return attached


def attach_event(
    program: Any,
    types: KernelTypes,
    event: Event,
    prefer: Kind | None = None,
    *,
    typed: bool = False,
) -> Attached | None:
    """Attaches the first hook of ``event`` that this kernel takes.

    None for an optional event without one; raises as `attach_all` for the others.
    """
    refusals: list[str] = []
    for hook in sorted(event.hooks, key=lambda hook: not _has_kind(hook, prefer)):  # stable
        try:
            attached = _attach_hook(program, types, event, hook, typed)
        except Refused as error:
            log.debug("event %s: refused: %s", event.name, error)
            refusals.append(str(error))
        else:
            log.info("event %s: attached to %s", event.name, attached)
            return attached
    if event.optional:
        log.info("event %s: no hook (%s)", event.name, "; ".join(refusals))
        return None
    raise UnfitEnvironment(
        Reason.NO_HOOK,
        f"no hook for event {event.name!r} attaches ({'; '.join(refusals)})",
        remedy="run `socklat-gate doctor`; root or CAP_BPF + CAP_PERFMON, and a kernel with "
        "these tracepoints or with kprobes, are needed",
    )


def _has_kind(hook: Hook, kind: Kind | None) -> bool:
    wanted = {"kfunc": ("kfunc", "kretfunc"), "kprobe": ("kprobe", "kretprobe")}
    return kind is not None and any(part.kind in wanted.get(kind, (kind,)) for part in hook)


def _attach_hook(
    program: Any, types: KernelTypes, event: Event, hook: Hook, typed: bool
) -> Attached:
    """All parts or none.  Raises `Refused` naming the part and why, or `Untyped`."""
    program_fds: list[int] = []
    own_fds: list[int] = []
    done: list[Part] = []
    try:
        for part in hook:
            if not _exists(part, types):
                raise Refused(f"{part}: not in this kernel")
            fds, own = _attach_part(program, types, part, typed)
            program_fds.append(fds)
            own_fds += own
            done.append(part)
    except (Refused, Untyped):
        for fd in own_fds:
            os.close(fd)
        for part in done:
            _detach_part(program, part)
        raise
    return Attached(event.name, hook, tuple(program_fds), tuple(own_fds))


def _exists(part: Part, types: KernelTypes) -> bool:
    if part.kind == "raw_tracepoint":
        return types.has_tracepoint(part.symbol)
    # All is asked first, because BCC would complain on stderr.
    if part.kind in ("kprobe", "kretprobe") and not _KPROBES.exists():
        return False
    if part.kind == "perf_event":
        return True
    if part.kind == "tracepoint":  # by tracefs, which is root's own as a rule
        identity = f"{part.symbol.replace(':', '/')}/id"
        return any(os.access(place / identity, os.R_OK) for place in _TRACEFS)
    return types.has_function(part.symbol)


def _attach_part(
    program: Any, types: KernelTypes, part: Part, typed: bool
) -> tuple[int, list[int]]:
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


def _detach_part(program: Any, part: Part) -> None:
    symbol = part.symbol.encode()
    if part.kind == "tracepoint":
        program.detach_tracepoint(tp=symbol)
    elif part.kind == "perf_event":
        program.detach_perf_event(ev_type=_SOFTWARE, ev_config=_CPU_CLOCK)
    elif part.kind == "kprobe":
        program.detach_kprobe(event=symbol, **_only(program.detach_kprobe, part))
    elif part.kind == "kretprobe":
        program.detach_kretprobe(event=symbol, **_only(program.detach_kretprobe, part))


def _only(detach: Callable[..., None], part: Part) -> dict[str, bytes]:
    """BCC 0.19+ can detach one of several functions at a symbol; older ones all of them."""
    named = "fn_name" in inspect.signature(detach).parameters
    return {"fn_name": part.function.encode()} if named else {}


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
