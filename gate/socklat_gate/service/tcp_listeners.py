"""Which TCP ports are listened on in a process's network namespace, and for whom."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Listener", "listeners", "reachable_ports", "tcp_listeners", "waiting_connections"]

_LISTEN = "0A"  # TCP_LISTEN of include/net/tcp_states.h, as /proc/net/tcp prints it


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket: its port, inode and own address, and how many wait in its queue."""

    port: int
    inode: str
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    waiting: int = 0

    @property
    def inside_only(self) -> bool:
        """Whether nobody outside of the namespace can reach it."""
        mapped = getattr(self.address, "ipv4_mapped", None)
        return (mapped or self.address).is_loopback


def listeners(pid: int | str, proc: Path = Path("/proc")) -> Iterator[Listener]:
    """Every TCP listener.  Raises `OSError` when the process is gone."""
    for name in ("tcp", "tcp6"):
        path = proc / f"{pid}/net/{name}"
        if not path.exists():
            continue
        for line in path.read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN:
                address, _, port = fields[1].rpartition(":")
                waiting = int(fields[4].partition(":")[2], 16)
                yield Listener(int(port, 16), fields[9], _address(address), waiting)


def reachable_ports(found: Iterable[Listener]) -> list[int]:
    """Ports that somebody outside of the namespace can connect to, in order."""
    return sorted({one.port for one in found if not one.inside_only})


def tcp_listeners(pid: int | str, proc: Path = Path("/proc")) -> Iterator[tuple[int, str]]:
    """Port and socket inode of every TCP listener.  Raises `OSError` when the process is gone."""
    return ((one.port, one.inode) for one in listeners(pid, proc))


def waiting_connections(pid: int, port: int) -> int:
    """Connections to ``port`` that nobody has accepted yet.  Raises `OSError` as `listeners`."""
    return sum(one.waiting for one in listeners(pid) if one.port == port)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The kernel prints an address as 32-bit words in the machine's own byte order."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return ipaddress.IPv4Address(packed) if len(packed) == 4 else ipaddress.IPv6Address(packed)
