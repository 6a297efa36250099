"""Exchanges at or above the spike threshold, sent up one by one with every stage and the peer."""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
from typing import Any

from socklat_gate.measured.run import Spike
from socklat_gate.probe.sources import layout, names

__all__ = ["SpikeReader"]


class SpikeReader:
    """Takes ``struct spike`` of ``bpf/exchange.h`` from the ring buffer, target by target."""

    def __init__(self, bpf: Any) -> None:
        self._bpf = bpf
        self._stages = names("STAGE_")[: layout()["BAND_STAGES"]]
        # rx_first, stages, target, cpu, family, peer port (network order), overlapped, peer
        self._format = struct.Struct(f"=Q{len(self._stages)}QIIH2sI16s")
        self._by_target: dict[int, list[Spike]] = {}
        bpf[b"spikes"].open_ring_buffer(self._take)

    def of(self, target: int) -> tuple[Spike, ...]:
        """Spikes of a target so far, oldest first."""
        self._bpf.ring_buffer_consume()
        return tuple(sorted(self._by_target.get(target, ()), key=lambda spike: spike.rx_first_ns))

    def clear(self, target: int) -> None:
        """Forgets a target's spikes: its slot gets another owner."""
        self._bpf.ring_buffer_consume()
        self._by_target.pop(target, None)

    def _take(self, _context: Any, data: Any, size: int) -> None:
        raw = ctypes.string_at(data, size)[: self._format.size]
        rx_first_ns, *rest = self._format.unpack(raw)
        count = len(self._stages)
        stages = dict(zip(self._stages, rest[:count], strict=True))
        target, cpu, family, port, overlapped, peer = rest[count:]
        self._by_target.setdefault(target, []).append(
            Spike(
                rx_first_ns=rx_first_ns,
                stages_ns=stages,
                peer=_peer(family, peer, port),
                cpu=cpu,
                overlapped=bool(overlapped),
            )
        )


def _peer(family: int, address: bytes, port: bytes) -> str:
    """``address:port``; v4-mapped IPv6 as the IPv4 address that it stands for."""
    number = int.from_bytes(port, "big")
    if family == socket.AF_INET:
        return f"{ipaddress.IPv4Address(address[:4])}:{number}"
    six = ipaddress.IPv6Address(address)
    return f"{six.ipv4_mapped}:{number}" if six.ipv4_mapped else f"[{six}]:{number}"
