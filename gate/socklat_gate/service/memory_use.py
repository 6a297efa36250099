"""The memory of a container, from the kernel's account of its cgroup (v1, v2 or both mounted)."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from socklat_gate.service.cgroups import cgroup_directories, read_text

__all__ = ["MemoryMeter", "memory_bytes"]

_FILES = ("memory.current", "memory.usage_in_bytes")
_PEAKS = ("memory.peak", "memory.max_usage_in_bytes")
_CLEAN = re.compile(r"^(?:total_)?inactive_file (\d+)$", re.MULTILINE)


def memory_bytes(pid: int, proc: Path = Path("/proc")) -> int | None:
    """What the container that process ``pid`` belongs to holds, in bytes; None: not known.

    Without the file pages that the kernel can drop at once, as ``docker stats`` has it.
    """
    return MemoryMeter(pid, proc).held_bytes()


class MemoryMeter:
    """Reads the account of the container that process ``pid`` belongs to, and keeps the largest.

    The kernel's own peak (``memory.peak``, Linux 5.19 and cgroup v2, or v1's
    ``memory.max_usage_in_bytes``) misses nothing that came between two readings, but it counts file
    pages that could have been dropped.  So they are taken off, as many as there are at the end:
    what is left was held for certain as long as these only grew.
    """

    def __init__(self, pid: int, proc: Path = Path("/proc")) -> None:
        unified, own = cgroup_directories(pid, "", "memory", proc=proc)
        self._cgroups = [cgroup for cgroup in (own, unified) if cgroup is not None]
        self._largest: int | None = None

    def held_bytes(self) -> int | None:
        """As `memory_bytes`, now."""
        held = self._read(_FILES)
        if held is not None:
            self._largest = max(held, self._largest or 0)
        return held

    def peak_bytes(self) -> int | None:
        """The most that it held since it was started, as far as is known; None: not known.

        The kernel's peak, or the largest of all readings if that is more or there is none.
        """
        self.held_bytes()
        known = [one for one in (self._read(_PEAKS), self._largest) if one is not None]
        return max(known, default=None)

    def _read(self, names: tuple[str, ...]) -> int | None:
        for cgroup in self._cgroups:
            for name in names:
                with suppress(ValueError):
                    number = int(read_text(cgroup / name))
                    clean = _CLEAN.findall(read_text(cgroup / "memory.stat"))
                    return max(0, number - int(clean[-1]) if clean else number)
        return None
