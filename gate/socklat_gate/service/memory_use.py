"""The memory of a container, from the kernel's account of its cgroup (v1, v2 or both mounted)."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from socklat_gate.service.cgroups import cgroup_directories, read_text

__all__ = ["memory_bytes"]

_FILES = ("memory.current", "memory.usage_in_bytes")
_CLEAN = re.compile(r"^(?:total_)?inactive_file (\d+)$", re.MULTILINE)


def memory_bytes(pid: int, proc: Path = Path("/proc")) -> int | None:
    """What the container that process ``pid`` belongs to holds, in bytes; None: not known.

    Without the file pages that the kernel can drop at once, as ``docker stats`` has it.
    """
    unified, own = cgroup_directories(pid, "", "memory", proc=proc)
    for cgroup in (own, unified):
        for name in _FILES if cgroup is not None else ():
            assert cgroup is not None
            with suppress(ValueError):
                held = int(read_text(cgroup / name))
                clean = _CLEAN.findall(read_text(cgroup / "memory.stat"))
                return max(0, held - int(clean[-1]) if clean else held)
    return None
