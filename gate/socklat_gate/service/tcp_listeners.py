"""Which TCP ports are listened on in a process's network namespace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["tcp_listeners"]

_LISTEN = "0A"  # TCP_LISTEN of include/net/tcp_states.h, as /proc/net/tcp prints it


def tcp_listeners(pid: int | str, proc: Path = Path("/proc")) -> Iterator[tuple[int, str]]:
    """Port and socket inode of every TCP listener.  Raises `OSError` when the process is gone."""
    for name in ("tcp", "tcp6"):
        path = proc / f"{pid}/net/{name}"
        if not path.exists():
            continue
        for line in path.read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN:
                yield int(fields[1].rpartition(":")[2], 16), fields[9]
