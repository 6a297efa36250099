"""The BPF programs: compiled, loaded, attached to what this kernel offers, and unloaded again."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.measured.bpf_layout import structs
from socklat_gate.measured.c_structs import assertions
from socklat_gate.probe.binding import load_bcc
from socklat_gate.probe.btf import KernelTypes, kernel_types
from socklat_gate.probe.hook_parts import Untyped
from socklat_gate.probe.hook_table import EVENTS, Kind, Needed
from socklat_gate.probe.hooks import Attached, attach_all
from socklat_gate.probe.kernel_source import flatten, kernel_source
from socklat_gate.probe.missed import missed_invocations, time_spent

__all__ = ["Compiler", "Programs", "load_programs"]

log = logging.getLogger(__name__)


class Compiler:
    """Makes BCC's objects, and unmakes them."""

    def compile(self, types: KernelTypes, flags: Sequence[str]) -> Any:
        """``bpf/`` compiled with ``flags`` and loaded; raises `UnfitEnvironment` (NO_BCC)."""
        flags = ["-w", f"-DACCEPT_ARGUMENTS={types.parameters('inet_csk_accept')}", *flags]
        source = flatten() + assertions(structs())
        bcc = load_bcc()
        with kernel_source(source, types):
            try:
                return bcc.BPF(text=source.encode(), cflags=flags)
            except Exception as error:
                if type(error) is not Exception:  # BCC raises bare Exception for its own failures
                    raise
                raise UnfitEnvironment(
                    Reason.NO_BCC,
                    f"the probe did not compile or load: {error}",
                    remedy="run `socklat-gate doctor`; the compiler's messages are above",
                ) from error

    def release(self, bpf: Any) -> None:
        """Detaches and unloads what `compile` returned."""
        bpf.cleanup()


@dataclass(frozen=True, slots=True)
class Programs:
    """Loaded and attached; ``bpf`` is BCC's object, through which the maps are reached.

    ``typed`` says whether they load fields directly; otherwise a helper copies each for them.
    """

    bpf: Any
    types: KernelTypes
    attached: tuple[Attached, ...]
    typed: bool
    compiler: Compiler

    @property
    def hooks(self) -> dict[str, str]:
        """Event -> hook in place."""
        return {attached.event: str(attached) for attached in self.attached}

    def missed_by_event(self) -> dict[str, int]:
        """Event -> missed probe invocations so far."""
        return {
            attached.event: sum(missed_invocations(fd) for fd in attached.program_fds)
            for attached in self.attached
        }

    def costs(self) -> dict[str, tuple[int, int]]:
        """Event -> (ns, runs) so far, counted by the kernel under ``kernel.bpf_stats_enabled``."""
        spent = {
            attached.event: [time_spent(fd) for fd in attached.program_fds]
            for attached in self.attached
        }
        return {
            event: (sum(t for t, _ in of), sum(n for _, n in of)) for event, of in spent.items()
        }

    def close(self) -> None:
        """Detaches and unloads them."""
        for attached in self.attached:
            attached.detach()
        self.compiler.release(self.bpf)


def load_programs(
    flags: Sequence[str], wanted: Collection[Needed], prefer: Kind | None, compiler: Compiler
) -> Programs:
    """Compiles ``bpf/`` with ``flags`` and attaches the events of the details ``wanted``.

    Typed where the hooks that this kernel offers allow it, and no kprobes are preferred.  Raises
    `UnfitEnvironment` when BCC, BTF or a hook is missing; nothing stays loaded then.
    """
    types = kernel_types()
    if prefer != "kprobe":
        try:
            return _load(types, flags, wanted, prefer, compiler, typed=True)
        except Untyped as error:
            log.info("compiled again without typed arguments: %s", error)
    return _load(types, flags, wanted, prefer, compiler, typed=False)


def _load(
    types: KernelTypes,
    flags: Sequence[str],
    wanted: Collection[Needed],
    prefer: Kind | None,
    compiler: Compiler,
    *,
    typed: bool,
) -> Programs:
    bpf = compiler.compile(types, [*flags, "-DTYPED"] if typed else flags)
    events = [
        event
        for event in EVENTS
        if event.detail in wanted and (event.only_on is None or types.knows(event.only_on))
    ]
    try:
        attached = attach_all(bpf, types, events, prefer=prefer, typed=typed)
    except BaseException:
        compiler.release(bpf)
        raise
    return Programs(bpf, types, tuple(attached), typed, compiler)
