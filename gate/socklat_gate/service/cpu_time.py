"""The CPU time of a container, from the kernel's account of its cgroup (v1, v2 or both mounted).

The account counts threads that have ended too, which ``/proc/PID/stat`` of the processes does not.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.service.cgroups import cgroup_directories, processes_in, read_text

__all__ = ["CpuMeter", "CpuUse"]


@dataclass(frozen=True, slots=True)
class CpuUse:
    """CPU time in ns since the container started; time that its CPU limit took from it in us.

    ``throttled_us`` is None where the kernel keeps no such account.  ``involuntary_switches`` are
    those of the threads alive at the time of reading.
    """

    used_ns: int
    throttled_us: int | None
    involuntary_switches: int

    def since(self, before: CpuUse) -> CpuUse:
        """What was used between two readings.

        Threads that end take their involuntary switches out of the sum, so it can be too small.
        """
        throttled_us = None
        if self.throttled_us is not None and before.throttled_us is not None:
            throttled_us = max(0, self.throttled_us - before.throttled_us)
        return CpuUse(
            max(0, self.used_ns - before.used_ns),
            throttled_us,
            max(0, self.involuntary_switches - before.involuntary_switches),
        )


class CpuMeter:
    """Reads the account of the container that process ``pid`` belongs to.

    Nothing is raised where there is none to be had (the process is gone, the cgroups are hidden by
    a namespace, the process is in no cgroup of its own): `read` then returns None.
    """

    def __init__(self, pid: int, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._usage, self._limits = _accounts(pid, proc)

    def read(self) -> CpuUse | None:
        """The use so far; None when it cannot be had.

        A thread that is running now is counted up to its last scheduler tick (1-10 ms ago).
        """
        if self._usage is None:
            return None
        used_ns = _used_ns(self._usage)
        if used_ns is None:
            return None
        return CpuUse(used_ns, _throttled_us(self._limits), self._involuntary_switches(self._usage))

    def _involuntary_switches(self, cgroup: Path) -> int:
        total = 0
        for pid in processes_in(cgroup):
            for status in self._proc.glob(f"{pid}/task/*/status"):
                found = re.search(r"^nonvoluntary_ctxt_switches:\s*(\d+)", read_text(status), re.M)
                total += int(found[1]) if found else 0
        return total


def _accounts(pid: int, proc: Path) -> tuple[Path | None, Path | None]:
    """Directories of the cgroups that count the container's CPU time, and its limit."""
    unified, usage, limits = cgroup_directories(pid, "", "cpuacct", "cpu", proc=proc)
    # A hierarchy of version 1 that counts CPU time is the one that the container was put into.
    return usage or unified, limits or unified


def _used_ns(cgroup: Path) -> int | None:
    with contextlib.suppress(ValueError):
        return int(read_text(cgroup / "cpuacct.usage"))
    used_us = _statistic(cgroup, "usage_usec")
    return None if used_us is None else used_us * 1000


def _throttled_us(cgroup: Path | None) -> int | None:
    if cgroup is None:
        return None
    throttled_ns = _statistic(cgroup, "throttled_time")
    return _statistic(cgroup, "throttled_usec") if throttled_ns is None else throttled_ns // 1000


def _statistic(cgroup: Path, name: str) -> int | None:
    found = re.search(rf"^{name} (\d+)$", read_text(cgroup / "cpu.stat"), re.MULTILINE)
    return int(found[1]) if found else None
