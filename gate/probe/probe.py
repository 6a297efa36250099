"""The probe: compiled once, then pointed at targets, read, cleared and pointed at the next."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from gate.campaign import Bands, Spike
from gate.clean.timeline import EXCHANGE, STALL, Records
from gate.errors import Reason, UnfitEnvironment
from gate.histogram import Histogram
from gate.probe.binding import load_bcc
from gate.probe.bridges import bridge_entries
from gate.probe.btf import KernelTypes, kernel_types
from gate.probe.events import EVENTS, STAGE_NEEDS, Detail, Event, Kind
from gate.probe.hooks import Attached, Untyped, attach_all
from gate.probe.kernel_source import flatten, kernel_source
from gate.probe.missed import missed_invocations, time_spent
from gate.probe.privilege import check_privilege
from gate.probe.sources import layout, names
from gate.probe.spikes import SpikeReader
from gate.probe.stalls import StallReader
from gate.probe.tables import Tables

__all__ = ["Reading", "SocketProbe", "own_netns_inode"]

SPIKE_BUDGET = 1000
"""Spikes sent up one by one in a run; all are counted."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kernel aggregated for one target since it was watched.

    ``histograms`` has the measured stages.  ``counters`` has one entry a COUNTER of
    ``bpf/layout.h`` plus ``recorded``, the total of ``service``, and ``pending``: exchanges still
    open when read, so that
    seen = recorded + filtered + unanswered + dropped_map_full + pending.
    """

    histograms: Mapping[str, Histogram]
    bands: Bands
    counters: Mapping[str, int]
    drops: Mapping[str, int]
    spikes: tuple[Spike, ...]


@dataclass(frozen=True, slots=True)
class _Watched:
    netns_inode: int
    ports: tuple[int, ...]


class SocketProbe:
    """Context manager around the loaded BPF programs; slots 0..``targets`` - 1 hold targets.

    ``detail`` "full" adds the stages that cost more; ``stalls`` logs every exchange and when the
    CPUs were taken away, for `gate.clean`; ``prefer`` asks for a kind of hook where there is a
    choice; see `gate.probe.events`.  Raises `UnfitEnvironment` on entry when BCC, BTF,
    a hook or the privilege is missing.
    """

    def __init__(
        self,
        max_connections: int = 16_384,
        detail: Detail = "headline",
        prefer: Kind | None = None,
        *,
        stalls: bool = False,
        targets: int | None = None,
    ) -> None:
        self._max_connections = max_connections
        self._detail = detail
        self._prefer = prefer
        self._asked = stalls
        self._targets = targets or layout()["TARGET_MAX"]
        self._stalls: StallReader | None = None
        self._bpf: Any = None
        self._typed = False
        self._attached: list[Attached] = []
        self._watched: dict[int, _Watched] = {}

    def __enter__(self) -> SocketProbe:
        check_privilege()
        types = kernel_types()
        try:
            if self._prefer == "kprobe":
                raise Untyped
            self._load(types, typed=True)
        except Untyped:
            self.close()
            self._load(types, typed=False)
        return self

    def _load(self, types: KernelTypes, *, typed: bool) -> None:
        self._bpf = self._compile(types, typed=typed)
        self._typed = typed
        try:
            wanted = [
                event
                for event in EVENTS
                if self._asks_for(event) and (event.only_on is None or types.knows(event.only_on))
            ]
            self._attached = attach_all(self._bpf, types, wanted, prefer=self._prefer, typed=typed)
            self._tables = Tables(self._bpf, types, full=self._detail == "full")
            self._spikes = SpikeReader(self._bpf)
            if "stall" in self.hooks:
                self._stalls = StallReader(self._bpf)
        except BaseException:
            self.close()
            raise

    def _asks_for(self, event: Event) -> bool:
        if event.detail == "stalls":
            return self._asked
        return event.detail == "headline" or self._detail == "full"

    def _compile(self, types: KernelTypes, *, typed: bool) -> Any:
        flags = ["-w", f"-DMAX_CONNECTIONS={self._max_connections}"]
        flags.append(f"-DTARGET_MAX={self._targets}")
        flags.append(f"-DACCEPT_ARGUMENTS={types.parameters('inet_csk_accept')}")
        if self._detail == "full":
            flags.append("-DDETAIL_FULL")
        if self._asked:
            flags.append("-DSTALLS")
        if typed:
            flags.append("-DTYPED")
        source = flatten()
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Detaches and unloads everything; harmless when called twice."""
        if self._bpf is None:
            return
        self.close_readers()
        for attached in self._attached:
            attached.detach()
        self._bpf.cleanup()
        self._bpf = None

    def close_readers(self) -> None:
        """Unmaps the rings, which must not outlive the programs' maps."""
        if self._stalls is not None:
            self._stalls.close()
            self._stalls = None

    @property
    def hooks(self) -> dict[str, str]:
        """Event -> hook in place: the hook set of a run's fingerprint."""
        return {attached.event: str(attached) for attached in self._attached}

    @property
    def typed(self) -> bool:
        """Whether the programs load fields directly; otherwise a helper copies each for them."""
        return self._typed

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages that this kernel, these hooks and this detail measure, in the layout's order."""
        hooks = self.hooks
        return tuple(
            stage
            for stage in names("STAGE_")
            if all(event in hooks for event in STAGE_NEEDS.get(stage, ()))
        )

    def watch(self, slot: int, netns_inode: int, *ports: int, shared: bool = False) -> None:
        """Starts to follow the sockets of a network namespace in an empty slot.

        ``ports`` are those that the target serves: sockets found open on them are server sockets.
        In a ``shared`` namespace (``--network host``) only they are the target's.  Nothing is
        recorded until `record_between` opens a window.
        """
        if not 0 <= slot < self._targets:
            raise ValueError(f"there is no slot {slot}")
        self._tables.clear(slot)
        self._spikes.clear(slot)
        self._tables.set_window(slot, netns_inode)
        self._tables.set_target(netns_inode, slot, ports, shared)
        self._watched[slot] = _Watched(netns_inode, ports)
        self._tables.set_watched(w.netns_inode for w in self._watched.values())
        if self._detail == "full":
            self._tables.set_bridge_entries(bridge_entries())

    @property
    def targets(self) -> int:
        """How many targets can be held at once."""
        return self._targets

    def record_between(
        self, slot: int, from_ns: int, to_ns: int, spike_ns: int = 0, log_mask: int = 0
    ) -> None:
        """Records exchanges whose request arrives in [from_ns, to_ns) of CLOCK_MONOTONIC.

        Those of at least ``spike_ns`` are also sent up one by one; 0: none.  Where stalls are
        watched, one exchange in ``log_mask`` + 1, a power of 2, is logged.
        """
        window = {"from_ns": from_ns, "to_ns": to_ns, "log_mask": log_mask}
        spikes = {"spike_ns": spike_ns, "spike_budget": SPIKE_BUDGET}
        self._tables.set_window(slot, self._watched[slot].netns_inode, **window, **spikes)

    def warmup_quantile_ns(self, slot: int, q: float) -> int:
        """Upper bound of a quantile of the warm-up's service time; 0 without a warm-up."""
        return self._tables.warmup_quantile_ns(slot, q)

    def forget(self, slot: int) -> None:
        """Stops following the slot's namespace; what was aggregated stays in the slot."""
        watched = self._watched.pop(slot, None)
        if watched is None:
            return
        # Two targets on the host's own network share its entry.
        shared = any(w.netns_inode == watched.netns_inode for w in self._watched.values())
        self._tables.remove_target(watched.netns_inode, watched.ports, whole=not shared)
        self._tables.set_watched(w.netns_inode for w in self._watched.values())

    def forget_all(self) -> None:
        """Stops following anything."""
        for slot in list(self._watched):
            self.forget(slot)

    def seen(self, slot: int) -> int:
        """Exchanges opened on a slot's sockets since `watch`."""
        return self._tables.counters(slot)["seen"]

    def read(self, slot: int) -> Reading:
        """What was aggregated in the slot since `watch`, while it is watched."""
        histograms = {stage: self._tables.histogram(slot, stage) for stage in self.stages}
        service = histograms["service"]
        counters = self._tables.counters(slot)
        counters["recorded"] = service.total
        counters["pending"] = self._tables.pending(slot, self._watched[slot].netns_inode)
        drops = self._tables.drops(slot)
        return Reading(
            histograms, self._tables.bands(slot, service), counters, drops, self._spikes.of(slot)
        )

    @property
    def watches_stalls(self) -> bool:
        """Whether exchanges are logged and stalls seen: asked for, and possible on this kernel."""
        return self._stalls is not None

    def set_load(self, processes: Iterable[int]) -> None:
        """Says which processes, and their children, are the load: their time is not foreign."""
        if self._stalls is not None:
            self._stalls.set_load(processes)

    def drain(self) -> tuple[Records, Records]:
        """Exchanges (`EXCHANGE`) and stalls (`STALL`) that came since the last call, not in order.

        To be called several times a second while stalls are watched; what finds no room meanwhile
        is lost and counted (``log_lost``, `unsent_stalls`).
        """
        if self._stalls is None:
            return np.zeros(0, EXCHANGE), np.zeros(0, STALL)
        return self._stalls.drain()

    def unsent_stalls(self) -> int:
        """Stalls so far that found no room on their way up; 0 when none are watched."""
        return self._stalls.unsent() if self._stalls is not None else 0

    def missed(self) -> int:
        """Invocations the kernel skipped so far, over all programs; a loss like any other."""
        return sum(self.missed_by_event().values())

    def missed_by_event(self) -> dict[str, int]:
        """The same by event.

        They are the machine's, not a target's: a program is skipped before it can look whose
        socket it is.
        """
        return {
            attached.event: sum(missed_invocations(fd) for fd in attached.program_fds)
            for attached in self._attached
        }

    def costs(self) -> dict[str, tuple[int, int]]:
        """Event -> (ns, runs) so far, counted by the kernel under ``kernel.bpf_stats_enabled``."""
        spent = {
            attached.event: [time_spent(fd) for fd in attached.program_fds]
            for attached in self._attached
        }
        return {
            event: (sum(t for t, _ in of), sum(n for _, n in of)) for event, of in spent.items()
        }

    def map_bytes(self) -> int:
        """Memory of all maps as the kernel accounts it (``memlock`` in /proc/self/fdinfo)."""
        return self._tables.map_bytes()


def own_netns_inode() -> int:
    """Inode of this process's network namespace: the target of ``--network host``."""
    return os.stat("/proc/self/ns/net").st_ino
