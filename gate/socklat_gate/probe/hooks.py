"""Attaches to each event the first of its hooks that this kernel accepts, by trial."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.probe.btf import KernelTypes
from socklat_gate.probe.hook_parts import Untyped, attach_part, detach_part, exists
from socklat_gate.probe.hook_table import Event, Hook, Kind, Part
from socklat_gate.probe.tracing import Refused

__all__ = ["Attached", "attach_all", "attach_event"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attached:
    """An event's hook in place; ``program_fds`` are those of its programs, which may miss events.

    ``own_fds`` are descriptors outside BCC's own clean-up; `detach` closes them.
    """

    event: str
    hook: Hook
    program_fds: tuple[int, ...]
    own_fds: tuple[int, ...] = ()

    def __str__(self) -> str:
        return "+".join(str(part) for part in self.hook)

    def detach(self) -> None:
        """Closes the descriptors outside BCC's own clean-up."""
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
    typed.  Raises `Untyped` when a hook cannot be loaded that way; nothing stays attached then,
    and the caller compiles without.

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

    None for an optional event without one; else raises as `attach_all` does.
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
            if not exists(part, types):
                raise Refused(f"{part}: not in this kernel")
            fds, own = attach_part(program, types, part, typed)
            program_fds.append(fds)
            own_fds += own
            done.append(part)
    except (Refused, Untyped):
        for fd in own_fds:
            os.close(fd)
        for part in done:
            detach_part(program, part)
        raise
    return Attached(event.name, hook, tuple(program_fds), tuple(own_fds))
