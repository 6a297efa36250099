"""The maps of a loaded probe, slot by slot; a slot holds one target."""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.bpf_layout import layout, names
from socklat_gate.measured.histogram import Histogram, band_edges_ns
from socklat_gate.measured.records import MOSTLY_ZERO, SUMS
from socklat_gate.measured.run import Bands
from socklat_gate.probe.bridges import Entries
from socklat_gate.probe.btf import KernelTypes
from socklat_gate.probe.kernel_source import flatten, map_names
from socklat_gate.probe.maps import PerCpuArray, WideHash, map_fd

__all__ = ["Tables"]

_ROLE_SERVER = 0


class Tables:
    """Reads, clears and sets what the programs aggregate; shapes are those of bpf/layout.h."""

    def __init__(self, bpf: Any, types: KernelTypes, *, full: bool) -> None:
        sizes = layout()
        self._bpf = bpf
        self._stages = names("STAGE_")
        self._banded = self._stages[: sizes["BAND_STAGES"]]
        buckets = sizes["HIST_BUCKETS"]
        self._histograms = PerCpuArray(map_fd(bpf, "histograms"), np.uint32, buckets)
        shared = PerCpuArray(map_fd(bpf, "shared_histograms"), np.uint32, buckets, copies=1)
        self._shared_histograms = shared
        first = sizes["SHARED_FIRST"]
        self._shared = self._stages[first : first + sizes["SHARED_STAGES"]]
        self._unshared = tuple(stage for stage in self._stages if stage not in self._shared)
        self._internal = WideHash(map_fd(bpf, "internal_histograms"), np.uint32, buckets)
        band_words = sizes["BAND_COUNT"] * sizes["BAND_SUMS"]
        self._bands = PerCpuArray(map_fd(bpf, "bands"), np.uint64, band_words)
        self._counters = PerCpuArray(map_fd(bpf, "counters"), np.uint64, sizes["COUNTER_COUNT"])
        self._warmups = PerCpuArray(map_fd(bpf, "warmups"), np.uint32, sizes["BAND_COUNT"])
        self._statuses = PerCpuArray(map_fd(bpf, "statuses"), np.uint64, sizes["HTTP_STATUSES"])
        self._watched = [0] * (sizes["WATCHED_BITS"] // 64)
        self._drops = None
        if full:
            self._drops = PerCpuArray(map_fd(bpf, "drops"), np.uint64, sizes["DROP_REASONS"])
            self._reasons = types.enumerators("skb_drop_reason")

    def clear(self, slot: int) -> None:
        """Sets everything aggregated in a slot to zero."""
        for stage in self._stages:
            table, index = self._place(slot, stage)
            table.clear(index)
        for of_slot in (self._bands, self._counters, self._warmups, self._statuses, self._drops):
            if of_slot is not None:
                of_slot.clear(slot)
        for key in self._internal_keys(slot).values():
            self._internal.delete(key)

    def histogram(self, slot: int, stage: str) -> Histogram:
        """One stage's histogram."""
        counts = self._counts(slot, stage)
        if stage in MOSTLY_ZERO:
            # The kernel leaves the zeros out: every response was written, mostly in 0 ns.
            counts[0] += self._counts(slot, "response").sum() - counts.sum()
        return Histogram(counts)

    def internal(self, slot: int) -> dict[str, Histogram]:
        """Time of exchanges on other ports of the slot's namespace, by port."""
        keys = self._internal_keys(slot)
        return {str(port): Histogram(self._internal.read(keys[port])) for port in sorted(keys)}

    def _internal_keys(self, slot: int) -> dict[int, int]:
        """Port -> key of `internal_histograms`."""
        found = (key for key in self._internal if key & 0xFFFFFFFF == slot)
        return {key >> 32: key for key in found}

    def _counts(self, slot: int, stage: str) -> npt.NDArray[np.uint64]:
        table, index = self._place(slot, stage)
        return table.read(index)

    def _place(self, slot: int, stage: str) -> tuple[PerCpuArray, int]:
        if stage in self._shared:
            index = slot * len(self._shared) + self._shared.index(stage)
            return self._shared_histograms, index
        return self._histograms, slot * len(self._unshared) + self._unshared.index(stage)

    def bands(self, slot: int, response: Histogram) -> Bands:
        """Counts, which are those of the histogram of ``response``, and stage sums per band."""
        sums = np.zeros((response.per_band().size, len(self._banded)), np.uint64)
        kept = layout()["SUM_STAGES"]
        sums[:, kept:] = self._bands.read(slot).reshape(-1, layout()["BAND_SUMS"])
        for whole, parts in SUMS.items():  # exact by definition, so not kept twice
            columns = [self._banded.index(part) for part in parts]
            sums[:, self._banded.index(whole)] = sums[:, columns].sum(axis=1)
        return Bands(self._banded, response.per_band(), sums)

    def counters(self, slot: int) -> dict[str, int]:
        """All counters of bpf/layout.h by name."""
        counts = self._counters.read(slot)
        return {name: int(counts[number]) for number, name in enumerate(names("COUNTER_"))}

    def statuses(self, slot: int) -> dict[str, int]:
        """Recorded exchanges by the HTTP status of their response; "" where it is not known."""
        sizes = layout()
        first, unknown = sizes["HTTP_STATUS_FIRST"], sizes["HTTP_STATUS_UNKNOWN"]
        return {
            "" if number == unknown else str(first + number): int(count)
            for number, count in enumerate(self._statuses.read(slot))
            if count
        }

    def drops(self, slot: int) -> dict[str, int]:
        """Packets of the target thrown away, by the kernel's name of the reason."""
        if self._drops is None:
            return {}
        prefix = "SKB_DROP_REASON_"
        return {
            self._reasons.get(number, f"{prefix}{number}").removeprefix(prefix).lower(): int(count)
            for number, count in enumerate(self._drops.read(slot))
            if count
        }

    def warmup_quantile_ns(self, slots: Sequence[int], q: float) -> int:
        """Upper edge of the band that holds quantile ``q`` of the warm-up's response; 0 if none."""
        counts = np.sum([self._warmups.read(slot).astype(np.int64) for slot in slots], axis=0)
        if not counts.sum():
            return 0
        band = int(np.searchsorted(np.cumsum(counts), q * counts.sum()))
        return int(band_edges_ns()[min(band, counts.size - 1) + 1])

    def open_exchanges(self, slot: int, owner: int) -> tuple[int, int]:
        """Those on the server sockets of a slot's owner; and how many have begun a response.

        ``owner`` is a namespace's inode; 0: whosever connections are in the slot.
        """
        begun = [
            c.tx_first_ns > 0
            for _, c in self._bpf[b"connections"].items()
            if c.target == slot
            and owner in {c.netns, 0}
            and c.role == _ROLE_SERVER
            and c.rx_first_ns
        ]
        return len(begun), sum(begun)

    def remove_connections(self, slot: int) -> None:
        """Forgets the connections of a slot, whosever they are; nothing must add to them."""
        table = self._bpf[b"connections"]
        for socket in [key for key, c in table.items() if c.target == slot]:
            with contextlib.suppress(KeyError):  # closed meanwhile
                del table[socket]

    def set_window(self, slot: int, owner: int, **values: int) -> None:
        """Writes a slot's ``struct window``; what is not given becomes 0."""
        table = self._bpf[b"windows"]
        leaf = table.Leaf()
        leaf.netns = owner
        for name, value in values.items():
            setattr(leaf, name, value)
        table[ctypes.c_uint32(slot)] = leaf

    def set_target(
        self, netns_inode: int, slot: int, ports: Sequence[int], *, shared: bool, apart: bool
    ) -> None:
        """Declares a namespace, and ports served in it, to be the slot's target."""
        for name, keys in self._declarations(netns_inode, ports).items():
            table = self._bpf[name]
            leaf = table.Leaf()
            leaf.target, leaf.shared, leaf.apart = slot, int(shared), int(apart)
            for key in keys:
                table[ctypes.c_uint64(key)] = leaf

    def remove_target(
        self, netns_inode: int, ports: Sequence[int], *, keep_namespace: bool
    ) -> None:
        """Takes a declaration back; with ``keep_namespace`` only its ports."""
        for name, keys in self._declarations(netns_inode, ports).items():
            for key in () if keep_namespace and name == b"targets" else keys:
                del self._bpf[name][ctypes.c_uint64(key)]

    @staticmethod
    def _declarations(netns_inode: int, ports: Sequence[int]) -> dict[bytes, list[int]]:
        return {
            b"targets": [netns_inode],
            b"services": [netns_inode | port << 32 for port in ports],
        }

    def set_watched(self, netns_inodes: Iterable[int]) -> None:
        """Sets which namespaces the hooks look at, by the bits of `watched`."""
        wide = layout()["WATCHED_BITS"]
        words = [0] * (wide // 64)
        for inode in netns_inodes:
            words[inode % wide // 64] |= 1 << inode % 64
        for at, word in enumerate(words):
            if word != self._watched[at]:
                self._bpf[b"watched"][ctypes.c_uint32(at)] = ctypes.c_uint64(word)
        self._watched = words

    def set_bridge_entries(self, entries: Entries) -> None:
        """Adds devices at which packets enter a bridge."""
        table, bits = self._bpf[b"bridge_entries"], self._bpf[b"bridge_bits"]
        leaf = bits[ctypes.c_uint32(0)]
        ways = layout()
        entered = dict.fromkeys(entries.ports, ways["ENTERS_BY_PORT"])
        entered |= dict.fromkeys(entries.bridges, ways["ENTERS_BY_BRIDGE"])
        for ifindex, way in entered.items():
            table[ctypes.c_uint32(ifindex)] = ctypes.c_uint32(way)
            leaf.word[ifindex >> 6 & 7] |= 1 << (ifindex & 63)
        bits[ctypes.c_uint32(0)] = leaf

    def map_bytes(self) -> int:
        """Memory of all maps as the kernel accounts it: ``memlock`` in /proc/self/fdinfo."""
        total = 0
        for name in map_names(flatten()):
            try:
                fd = map_fd(self._bpf, name)
            except KeyError:  # not compiled in at this detail
                continue
            info = Path(f"/proc/self/fdinfo/{fd}").read_text("ascii")
            match = re.search(r"^memlock:\s*(\d+)", info, re.MULTILINE)
            total += int(match.group(1)) if match else 0
        return total
