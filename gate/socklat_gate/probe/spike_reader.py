"""Exchanges at or above the spike threshold, sent up one by one with every stage and the peer."""

from __future__ import annotations

import ctypes
import ipaddress
import socket
from typing import Any

import numpy as np

from socklat_gate.measured.records import EXCHANGE_STAGES, SPIKE
from socklat_gate.measured.run import Spike

__all__ = ["SpikeReader"]


class SpikeReader:
    """Takes ``struct spike`` of ``bpf/shared.h`` from the ring buffer, target by target."""

    def __init__(self, bpf: Any) -> None:
        self._bpf = bpf
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
        raw = ctypes.string_at(data, size)
        (record,) = np.frombuffer(raw, SPIKE, 1)
        self._by_target.setdefault(int(record["target"]), []).append(
            Spike(
                rx_first_ns=int(record["rx_first_ns"]),
                stages_ns=dict(zip(EXCHANGE_STAGES, record["ns"].tolist(), strict=True)),
                peer=_peer(
                    int(record["family"]),
                    record["peer"].tobytes(),
                    socket.ntohs(int(record["peer_port"])),
                ),
                cpu=int(record["cpu"]),
                overlapped=bool(record["overlapped"]),
            )
        )


def _peer(family: int, address: bytes, port: int) -> str:
    """``address:port``; v4-mapped IPv6 as the IPv4 address that it stands for."""
    if family == socket.AF_INET:
        return f"{ipaddress.IPv4Address(address[:4])}:{port}"
    six = ipaddress.IPv6Address(address)
    return f"{six.ipv4_mapped}:{port}" if six.ipv4_mapped else f"[{six}]:{port}"
