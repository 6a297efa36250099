"""The probe: compiled once, then pointed at targets, read, cleared and pointed at the next."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from gate.campaign import Bands
from gate.errors import Reason, UnfitEnvironment
from gate.histogram import Histogram
from gate.probe.binding import load_bcc
from gate.probe.btf import kernel_types
from gate.probe.hooks import Attached, Kind, attach_all
from gate.probe.kernel_source import flatten, kernel_source
from gate.probe.maps import PerCpuArray
from gate.probe.missed import missed_invocations, time_spent
from gate.probe.privilege import check_privilege
from gate.probe.sources import layout, names

__all__ = ["Reading", "SocketProbe"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kernel aggregated for one target since it was watched.

    ``counters`` has one entry a COUNTER of ``bpf/layout.h`` plus ``pending``: exchanges still open
    when read, so that seen = recorded + filtered + unanswered + dropped_map_full + pending.
    """

    histograms: Mapping[str, Histogram]
    bands: Bands
    counters: Mapping[str, int]


class SocketProbe:
    """Context manager around the loaded BPF programs; slots 0..TARGET_MAX-1 hold targets.

    ``prefer`` asks for a kind of hook where there is a choice; see `gate.probe.hooks`.  Raises
    `UnfitEnvironment` on entry when BCC, BTF, a hook or the privilege is missing.
    """

    def __init__(self, max_connections: int = 65_536, prefer: Kind | None = None) -> None:
        self._max_connections = max_connections
        self._prefer = prefer
        self._bpf: Any = None
        self._attached: list[Attached] = []
        self._watched: dict[int, int] = {}

    def __enter__(self) -> SocketProbe:
        check_privilege()
        bcc = load_bcc()
        types = kernel_types()
        source = flatten()
        with kernel_source(source, types):
            flags = ["-w", f"-DMAX_CONNECTIONS={self._max_connections}"]
            try:
                self._bpf = bcc.BPF(text=source.encode(), cflags=flags)
            except Exception as error:
                if type(error) is not Exception:  # BCC raises bare Exception for its own failures
                    raise
                raise UnfitEnvironment(
                    Reason.NO_BCC,
                    f"the probe did not compile or load: {error}",
                    remedy="run `socklat-gate doctor`; the compiler's messages are above",
                ) from error
        try:
            self._attached = attach_all(self._bpf, types, prefer=self._prefer)
        except BaseException:
            self.close()
            raise
        sizes = layout()
        stages = sizes["STAGE_COUNT"]
        self._histograms = PerCpuArray(self._bpf[b"histograms"], np.uint32, sizes["HIST_BUCKETS"])
        self._bands = PerCpuArray(
            self._bpf[b"bands"], np.uint64, sizes["BAND_COUNT"] * (1 + stages)
        )
        self._counters = PerCpuArray(self._bpf[b"counters"], np.uint64, sizes["COUNTER_COUNT"])
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
        if self._bpf is None:
            return
        for attached in self._attached:
            attached.detach()
        self._bpf.cleanup()
        self._bpf = None

    @property
    def hooks(self) -> dict[str, str]:
        """Event -> hook in place: the hook set of a run's fingerprint."""
        return {attached.event: str(attached.hook) for attached in self._attached}

    def watch(self, slot: int, netns_inode: int, port: int) -> None:
        """Starts to follow the sockets of a network namespace in an empty slot.

        Nothing is recorded until `record_between` opens a window.
        """
        self._clear(slot)
        self._set_window(slot, 0, 0, netns_inode)
        table = self._bpf[b"targets"]
        leaf = table.Leaf()
        leaf.target, leaf.port = slot, port
        table[ctypes.c_uint32(netns_inode)] = leaf
        self._watched[slot] = netns_inode

    def record_between(self, slot: int, from_ns: int, to_ns: int) -> None:
        """Records exchanges whose request arrives in [from_ns, to_ns) of CLOCK_MONOTONIC."""
        self._set_window(slot, from_ns, to_ns, self._watched[slot])

    def forget(self, slot: int) -> None:
        """Stops following the slot's namespace; what was aggregated stays readable."""
        inode = self._watched.pop(slot, None)
        if inode is not None:
            del self._bpf[b"targets"][ctypes.c_uint32(inode)]

    def read(self, slot: int) -> Reading:
        """What was aggregated in the slot since `watch`."""
        stages = names("STAGE_")
        histograms = {
            stage: Histogram(self._histograms.read(slot * len(stages) + number))
            for number, stage in enumerate(stages)
        }
        rows = self._bands.read(slot).reshape(-1, 1 + len(stages))
        counts = self._counters.read(slot)
        counters = {name: int(counts[i]) for i, name in enumerate(names("COUNTER_"))}
        counters["pending"] = self._pending(slot)
        return Reading(histograms, Bands(stages, rows[:, 0].copy(), rows[:, 1:].copy()), counters)

    def missed(self) -> int:
        """Invocations the kernel skipped so far, over all programs; a loss like any other."""
        return sum(missed_invocations(attached.program_fd) for attached in self._attached)

    def costs(self) -> dict[str, tuple[int, int]]:
        """Event -> (ns, runs) so far, counted by the kernel under ``kernel.bpf_stats_enabled``."""
        return {attached.event: time_spent(attached.program_fd) for attached in self._attached}

    def _pending(self, slot: int) -> int:
        netns = self._watched.get(slot)
        return sum(
            1
            for _, c in self._bpf[b"connections"].items()
            if c.target == slot and c.rx_first_ns and (netns is None or c.netns == netns)
        )

    def _clear(self, slot: int) -> None:
        stages = layout()["STAGE_COUNT"]
        for stage in range(stages):
            self._histograms.clear(slot * stages + stage)
        self._bands.clear(slot)
        self._counters.clear(slot)

    def _set_window(self, slot: int, from_ns: int, to_ns: int, netns_inode: int) -> None:
        table = self._bpf[b"windows"]
        leaf = table.Leaf()
        leaf.from_ns, leaf.to_ns, leaf.netns = from_ns, to_ns, netns_inode
        table[ctypes.c_uint32(slot)] = leaf


def own_netns_inode() -> int:
    """Inode of this process's network namespace: the target of ``--network host``."""
    return os.stat("/proc/self/ns/net").st_ino
