"""Which hook serves which event on this kernel: best first, settled by a trial attach.

The table is design section 4's.  A hook that cannot attach is an error, never a gap in the
numbers: each event must find one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from gate.errors import Reason, UnfitEnvironment
from gate.probe.binding import load_bcc
from gate.probe.btf import KernelTypes
from gate.probe.fentry import Refused, attach_entry

__all__ = ["DEFINITION", "EVENTS", "Attached", "Event", "Hook", "Kind", "attach", "attach_all"]

DEFINITION = "exchange-1"
"""Version of the definitions of design section 3; part of every fingerprint."""

Kind = Literal["raw_tracepoint", "kfunc", "kprobe"]
"""``kfunc`` is BCC's name for a program at a function's entry by trampoline (fentry)."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A kernel symbol and the C function in ``bpf/`` that handles it."""

    kind: Kind
    symbol: str
    function: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.symbol}"


@dataclass(frozen=True, slots=True)
class Event:
    """Something the probe must see, with the hooks that can show it, best first."""

    name: str
    hooks: tuple[Hook, ...]


@dataclass(frozen=True, slots=True)
class Attached:
    """A hook in place; ``program_fd`` serves to ask the kernel for missed invocations.

    ``link_fd`` is set where BCC knows nothing of the hook; then `detach` ends it.
    """

    event: str
    hook: Hook
    program_fd: int
    link_fd: int | None = None

    def detach(self) -> None:
        """Ends what BCC's own clean-up does not."""
        if self.link_fd is not None:
            os.close(self.link_fd)
            os.close(self.program_fd)


EVENTS: tuple[Event, ...] = (
    Event("state", (Hook("raw_tracepoint", "inet_sock_set_state", "on_state"),)),
    Event("destroy", (Hook("raw_tracepoint", "tcp_destroy_sock", "on_destroy"),)),
    Event("retransmit", (Hook("raw_tracepoint", "tcp_retransmit_skb", "on_retransmit"),)),
    Event("read", (Hook("raw_tracepoint", "tcp_rcv_space_adjust", "on_read"),)),
    Event(
        "send",
        (
            Hook("raw_tracepoint", "tcp_sendmsg_locked", "on_send"),
            Hook("kfunc", "tcp_sendmsg", "on_send"),
            Hook("kprobe", "tcp_sendmsg", "on_send_kprobe"),
        ),
    ),
    Event(
        "segment",
        (
            Hook("raw_tracepoint", "tcp_probe", "on_segment"),
            Hook("kfunc", "tcp_rcv_established", "on_segment"),
            Hook("kprobe", "tcp_rcv_established", "on_segment_kprobe"),
        ),
    ),
)
"""The order is the order of attaching: connections are known before their segments are seen."""


def attach_all(
    program: Any,
    types: KernelTypes,
    events: Iterable[Event] = EVENTS,
    prefer: Kind | None = None,
) -> list[Attached]:
    """Attaches one hook for each event.

    ``prefer`` tries hooks of that kind first where an event has one, which is how each hook set
    is tested; without it the order is the events' own.  Raises `UnfitEnvironment` (NO_HOOK) with
    every candidate's refusal when an event finds none; nothing stays attached then.
    """
    attached: list[Attached] = []
    try:
        for event in events:
            attached.append(attach(program, types, event, prefer))  # noqa: PERF401 - kept on error
    except BaseException:
        for one in attached:
            one.detach()
        raise
    return attached


def attach(program: Any, types: KernelTypes, event: Event, prefer: Kind | None = None) -> Attached:
    """Attaches the first hook of ``event`` that this kernel takes; raises as `attach_all`."""
    refusals: list[str] = []
    for hook in sorted(event.hooks, key=lambda hook: hook.kind != prefer):  # stable
        if not _exists(hook, types):
            refusals.append(f"{hook}: not in this kernel")
            continue
        try:
            return _attach(program, types, event, hook)
        except Exception as error:
            # A refusal is what BCC raises as bare Exception.
            if type(error) not in (Exception, Refused):
                raise
            refusals.append(f"{hook}: {_first_line(error)}")
    raise UnfitEnvironment(
        Reason.NO_HOOK,
        f"no hook for event {event.name!r} attaches ({'; '.join(refusals)})",
        remedy="run `socklat-gate doctor`; root or CAP_BPF + CAP_PERFMON, and a kernel with "
        "these tracepoints or with kprobes, are needed",
    )


def _exists(hook: Hook, types: KernelTypes) -> bool:
    if hook.kind == "raw_tracepoint":
        return types.has_tracepoint(hook.symbol)
    return types.has_function(hook.symbol)


def _attach(program: Any, types: KernelTypes, event: Event, hook: Hook) -> Attached:
    bpf = load_bcc().BPF
    function, symbol = hook.function.encode(), hook.symbol.encode()
    if hook.kind == "kfunc":
        program_fd, link_fd = attach_entry(program, types, hook.symbol, hook.function)
        return Attached(event.name, hook, program_fd, link_fd)
    if hook.kind == "raw_tracepoint":
        loaded = program.load_func(function, bpf.RAW_TRACEPOINT)
        program.attach_raw_tracepoint(tp=symbol, fn_name=function)
    else:
        loaded = program.load_func(function, bpf.KPROBE)
        program.attach_kprobe(event=symbol, fn_name=function)
    return Attached(event.name, hook, int(loaded.fd))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
