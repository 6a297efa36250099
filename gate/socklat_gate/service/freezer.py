"""How long a container was frozen: by ``docker pause``, or by whoever else stops its cgroup.

A frozen container runs no instruction, so it cannot have frozen itself, and no latency is looked
at.  Linux 6.18 keeps an account (``frozen_usec``); elsewhere its state is polled.
Reference: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/freezer-subsystem.rst.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from socklat_gate.service.cgroups import cgroup_directories, read_text

__all__ = ["FreezeMeter"]


class FreezeMeter:
    """Watches the container that process ``pid`` belongs to, from now on.

    Where the state cannot be had (see `cgroups`), the container counts as never frozen.
    """

    def __init__(self, pid: int, proc: Path = Path("/proc")) -> None:
        self._v1, self._v2 = cgroup_directories(pid, "freezer", "", proc=proc)
        self._accounted_us = self._account_us()
        self._polled_s = time.monotonic()
        self._seen_s = 0.0

    def poll(self) -> None:
        """Looks at the state; one that is frozen now was so since the last look."""
        now_s = time.monotonic()
        if self._is_frozen():
            self._seen_s += now_s - self._polled_s
        self._polled_s = now_s

    @property
    def frozen_s(self) -> float:
        """For how long it was frozen so far."""
        return max(self._seen_s, (self._account_us() - self._accounted_us) / 1e6)

    def _is_frozen(self) -> bool:
        if self._v1 and read_text(self._v1 / "freezer.state").strip() == "FROZEN":
            return True
        events = read_text(self._v2 / "cgroup.events") if self._v2 else ""
        return re.search(r"^frozen 1$", events, re.MULTILINE) is not None

    def _account_us(self) -> int:
        local = read_text(self._v2 / "cgroup.stat.local") if self._v2 else ""
        found = re.search(r"^frozen_usec (\d+)$", local, re.MULTILINE)
        return int(found[1]) if found else 0
