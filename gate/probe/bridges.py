"""Devices at which a packet enters a bridge of this machine: the ``bridge`` stage starts there."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bridge_entries"]

_NET = Path("/sys/class/net")


def bridge_entries() -> list[int]:
    """Interface indices of all bridges (what this host sends) and their ports (what comes in)."""
    found: list[int] = []
    for bridge in _NET.glob("*/bridge"):
        device = bridge.parent
        ports = [_NET / port.name for port in (device / "brif").glob("*")]
        found += [index for index in map(_ifindex, [device, *ports]) if index]
    return found


def _ifindex(device: Path) -> int:
    try:
        return int((device / "ifindex").read_text("ascii"))
    except OSError:  # the container behind the port went away meanwhile
        return 0
