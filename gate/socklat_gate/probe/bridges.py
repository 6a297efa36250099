"""Devices at which a packet enters a bridge of this machine: the ``bridge`` stage starts there.

As the network namespace in which sysfs was mounted has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Entries", "bridge_entries"]

_NET = Path("/sys/class/net")


@dataclass(frozen=True, slots=True)
class Entries:
    """Interface indices: what this host sends enters by a bridge, what comes in by a port."""

    bridges: frozenset[int]
    ports: frozenset[int]


def bridge_entries() -> Entries:
    """Those of all bridges of this machine."""
    bridges = [bridge.parent for bridge in _NET.glob("*/bridge")]
    ports = [_NET / port.name for bridge in bridges for port in (bridge / "brif").glob("*")]
    return Entries(_indices(bridges), _indices(ports))


def _indices(devices: list[Path]) -> frozenset[int]:
    return frozenset(index for index in map(_ifindex, devices) if index)


def _ifindex(device: Path) -> int:
    try:
        return int((device / "ifindex").read_text("ascii"))
    except OSError:  # the container behind the port went away meanwhile
        return 0
