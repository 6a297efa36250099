"""How much memory the machine has left, and whether a block of containers leaves enough of it."""

from __future__ import annotations

import re
from pathlib import Path

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.wording import units

__all__ = ["RESERVE_BYTES", "check_memory_left", "memory_left_bytes"]

MEMINFO = Path("/proc/meminfo")

RESERVE_BYTES = 128 << 20
"""With less than this a kernel drops file pages that running containers need: they page."""


def memory_left_bytes(meminfo: Path = MEMINFO) -> int | None:
    """What can still be used without swapping, as the kernel estimates it; None: not known."""
    try:
        text = meminfo.read_text("ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return 1024 * int(found.group(1)) if found else None


def check_memory_left(containers: int, meminfo: Path = MEMINFO) -> None:
    """Raises `UnfitEnvironment` (CONTAINERS_DO_NOT_FIT) where a started block left too little."""
    left = memory_left_bytes(meminfo)
    if left is None or left >= RESERVE_BYTES:
        return
    raise UnfitEnvironment(
        Reason.CONTAINERS_DO_NOT_FIT,
        f"{containers} + {containers} containers leave {units.size(left)} of memory, less than the "
        f"{units.size(RESERVE_BYTES)} that keep this machine from paging",
        remedy='set gate.containers to a smaller number, or to "auto"; where replicas of the watch '
        "run beside them, gate.watch.replicas",
    )
