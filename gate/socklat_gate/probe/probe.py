"""The probe: compiled once, then pointed at targets, read, cleared and pointed at the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from types import TracebackType

import numpy as np

from socklat_gate.measured.bpf_layout import layout
from socklat_gate.measured.records import EXCHANGE, STALL, Records
from socklat_gate.probe.bridges import bridge_entries
from socklat_gate.probe.hook_table import Detail, Kind, Needed
from socklat_gate.probe.kernel_refusals import asks_kernel
from socklat_gate.probe.log_feeds import LogFeed, LogFeeds
from socklat_gate.probe.privilege import check_privilege
from socklat_gate.probe.programs import Compiler, Programs, load_programs
from socklat_gate.probe.reading import Reading, measured_stages
from socklat_gate.probe.spike_reader import SpikeReader
from socklat_gate.probe.stall_reader import StallReader
from socklat_gate.probe.tables import Tables
from socklat_gate.probe.traffic import UNKNOWN_TRAFFIC, Traffic
from socklat_gate.probe.watched_slots import WatchedSlots

__all__ = ["SocketProbe"]

SPIKE_BUDGET = 1000
"""Spikes sent up one by one in a run; all are counted."""


class SocketProbe:
    """Context manager around the loaded BPF programs; slots 0..``targets`` - 1 hold targets.

    ``detail`` "full" adds the stages that cost more; ``stalls`` logs every exchange and when the
    CPUs were taken away, for `stalls`; ``prefer`` is a kind of hook that comes first where there
    is a choice; see `probe.hook_table`.  Raises `UnfitEnvironment` on entry when BCC, BTF,
    a hook or the privilege is missing, and later when the kernel refuses what a method asks for.
    """

    def __init__(
        self,
        max_connections: int = 16_384,
        detail: Detail = "headline",
        prefer: Kind | None = None,
        *,
        stalls: bool = False,
        targets: int | None = None,
        compiler: Compiler | None = None,
    ) -> None:
        self._max_connections = max_connections
        self._detail = detail
        self._prefer = prefer
        self._with_stalls = stalls
        self._targets = targets or layout()["TARGET_MAX"]
        if self._targets > layout()["TARGET_LIMIT"]:
            raise ValueError(f"a probe holds at most {layout()['TARGET_LIMIT']} targets")
        self._stalls: StallReader | None = None
        self._feeds = LogFeeds(self._empty_rings)
        self._compiler = compiler or Compiler()
        self._programs: Programs | None = None

    def __enter__(self) -> SocketProbe:
        check_privilege()
        flags = [f"-DMAX_CONNECTIONS={self._max_connections}", f"-DTARGET_MAX={self._targets}"]
        wanted: list[Needed] = ["headline"]
        if self._detail == "full":
            flags.append("-DDETAIL_FULL")
            wanted.append("full")
        if self._with_stalls:
            flags.append("-DSTALLS")
            wanted.append("stalls")
        programs = self._programs = load_programs(flags, wanted, self._prefer, self._compiler)
        try:
            self._tables = Tables(programs.bpf, programs.types, full=self._detail == "full")
            self._slots = WatchedSlots(self._tables)
            self._spikes = SpikeReader(programs.bpf)
            if "stall" in programs.hooks:
                self._stalls = StallReader(programs.bpf)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Detaches and unloads everything; harmless when called twice."""
        if self._programs is None:
            return
        if self._stalls is not None:  # its rings must not outlive the programs' maps
            self._stalls.close()
            self._stalls = None
        self._programs.close()
        self._programs = None

    @property
    def _loaded(self) -> Programs:
        if self._programs is None:
            raise ValueError("the probe is not loaded")
        return self._programs

    @property
    def hooks(self) -> dict[str, str]:
        """Event -> hook in place: the hook set of a run's fingerprint."""
        return self._loaded.hooks

    @property
    def typed(self) -> bool:
        """Whether the programs load fields directly; otherwise a helper copies each for them."""
        return self._loaded.typed

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages that this kernel, these hooks and this detail measure, in the layout's order."""
        return measured_stages(self.hooks)

    @asks_kernel
    def watch(
        self,
        slot: int,
        netns_inode: int,
        *ports: int,
        shared: bool = False,
        apart: bool = False,
    ) -> None:
        """Starts to follow the sockets of a network namespace in an empty slot.

        ``ports`` are those that the target serves: sockets found open on them are server sockets.
        In a ``shared`` namespace (``--network host``) only they are the target's.  With ``apart``,
        for a namespace of the target's own, exchanges on other ports and those asked for from
        inside are told apart: stage ``internal``, counters ``internal`` and ``local``.  Nothing is
        recorded until `record_between` opens a window.
        """
        self._clear(slot)
        self._slots.watch(slot, netns_inode, ports, shared=shared, apart=apart)
        if self._detail == "full":
            self._tables.set_bridge_entries(bridge_entries())

    @asks_kernel
    def watch_together(self, slot: int, netns_inodes: Sequence[int], *ports: int) -> None:
        """Starts to follow the sockets of several namespaces in one slot, or of further ones.

        All of them count as one target, whose exchanges are told apart as by ``apart`` in `watch`;
        which namespace a logged one is of, its ``netns`` says (`EXCHANGE`).  The first call takes
        an empty slot, and is followed by `record_between`, whose window holds for those that are
        added later.  A namespace that another slot or the host shares does not belong here.
        Raises `ValueError` when the slot follows a single namespace, or the log cannot tell two
        apart.
        """
        if self._slots.is_empty(slot):
            self._clear(slot)
            self._slots.begin_together(slot)
        elif not self._slots.is_together(slot):
            raise ValueError(f"slot {slot} follows one namespace alone")
        self._slots.add(slot, netns_inodes, ports)
        if self._detail == "full":
            self._tables.set_bridge_entries(bridge_entries())

    def _clear(self, slot: int) -> None:
        """For a new owner of the slot."""
        if not 0 <= slot < self._targets:
            raise ValueError(f"there is no slot {slot}")
        self._feeds.end(slot)
        self._tables.clear(slot)
        self._spikes.clear(slot)

    @property
    def targets(self) -> int:
        """How many targets can be held at once."""
        return self._targets

    @asks_kernel
    def record_between(
        self,
        slot: int,
        from_ns: int,
        to_ns: int,
        spike_ns: int = 0,
        log_mask: int = 0,
        traffic: Traffic = UNKNOWN_TRAFFIC,
    ) -> None:
        """Records exchanges whose request arrives in [from_ns, to_ns) of CLOCK_MONOTONIC.

        Those of at least ``spike_ns`` are also sent up one by one; 0: none.  Where stalls are
        watched, one exchange in ``log_mask`` + 1, a power of 2, is logged.
        """
        flags = {"log_mask": log_mask, "flags": traffic.window_flags()}
        window = {"from_ns": from_ns, "to_ns": to_ns, **flags}
        spikes = {"spike_ns": spike_ns, "spike_budget": SPIKE_BUDGET}
        self._tables.set_window(slot, self._slots.owner(slot), **window, **spikes)

    @asks_kernel
    def warmup_quantile_ns(self, slots: Sequence[int], q: float) -> int:
        """Upper bound of a quantile of the warm-up's response time; 0 without a warm-up.

        Of all ``slots`` together.
        """
        return self._tables.warmup_quantile_ns(slots, q)

    @asks_kernel
    def forget(self, slot: int) -> None:
        """Stops following the slot's namespaces; what was aggregated stays, the log's feed ends."""
        self._feeds.end(slot)
        self._slots.forget(slot)

    @asks_kernel
    def leave(self, slot: int, netns_inodes: Collection[int]) -> None:
        """Stops following some of those that `watch_together` put into the slot."""
        self._slots.leave(slot, netns_inodes)

    @asks_kernel
    def forget_all(self, but: Collection[int] = ()) -> None:
        """Stops following anything in slots other than ``but``."""
        for slot in self._slots.forget_all(but):
            self._feeds.end(slot)

    @asks_kernel
    def seen(self, slot: int) -> int:
        """Exchanges opened on a slot's sockets since `watch`."""
        return self._tables.counters(slot)["seen"]

    @asks_kernel
    def read(self, slot: int) -> Reading:
        """What was aggregated in the slot since `watch`, while it is watched."""
        histograms = {stage: self._tables.histogram(slot, stage) for stage in self.stages}
        response = histograms["response"]
        counters = self._tables.counters(slot)
        counters["recorded"] = response.total
        open_now = self._tables.open_exchanges(slot, self._slots.owner(slot))
        counters["pending"], responding = open_now
        drops = self._tables.drops(slot)
        return Reading(
            histograms,
            self._tables.bands(slot, response),
            counters,
            drops,
            self._spikes.of(slot),
            self._tables.internal(slot),
            self._tables.statuses(slot),
            responding,
        )

    @property
    def watches_stalls(self) -> bool:
        """Whether exchanges and stalls are logged: enabled, and possible on this kernel."""
        return self._stalls is not None

    @asks_kernel
    def set_load(self, processes: Iterable[int], of: str = "") -> None:
        """Marks processes, and their children, as the load: their time is no interference.

        They take the place of those last given for the same load, named by ``of``.
        """
        if self._stalls is not None:
            self._stalls.set_load(processes, of)

    def subscribe(self, slots: Iterable[int]) -> LogFeed:
        """What is logged of these slots' exchanges from now on, and of all stalls.

        It ends by `unsubscribe`, or with `forget` of a slot.  Raises `ValueError` when another feed
        is open for one of them.
        """
        return self._feeds.subscribe(slots)

    def unsubscribe(self, feed: LogFeed) -> None:
        """Ends a feed; harmless when called twice."""
        self._feeds.close(feed)

    @asks_kernel
    def drain(self) -> tuple[Records, Records]:
        """Exchanges (`EXCHANGE`) and stalls (`STALL`) that came since the last call, not in order.

        Of all slots; open feeds have their part all the same.  This or a feed's `drain` is to be
        called several times a second while stalls are watched; what finds no room meanwhile is lost
        and counted (``log_lost``, `unsent_stalls`).
        """
        return self._feeds.drain()

    def _empty_rings(self) -> tuple[Records, Records]:
        if self._stalls is None:
            return np.zeros(0, EXCHANGE), np.zeros(0, STALL)
        return self._stalls.drain()

    @asks_kernel
    def unsent_stalls(self) -> int:
        """Stalls so far that found no room on their way up; 0 when none are watched."""
        return self._stalls.unsent() if self._stalls is not None else 0

    def missed(self) -> int:
        """Missed probe invocations so far, over all programs; a loss like any other."""
        return sum(self.missed_by_event().values())

    @asks_kernel
    def missed_by_event(self) -> dict[str, int]:
        """The same by event.

        They are the machine's, not a target's: an invocation is missed before the program can find
        out whose socket it is.
        """
        return self._loaded.missed_by_event()

    @asks_kernel
    def costs(self) -> dict[str, tuple[int, int]]:
        """Event -> (ns, runs) so far, counted by the kernel under ``kernel.bpf_stats_enabled``."""
        return self._loaded.costs()

    @asks_kernel
    def map_bytes(self) -> int:
        """Memory of all maps as the kernel accounts it (``memlock`` in /proc/self/fdinfo)."""
        return self._tables.map_bytes()
