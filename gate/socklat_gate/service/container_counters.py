"""What the kernel counts of a container, read so cheaply that it can be looked at all the time.

The files stay open: a look is a few reads of 1 to 2 us each.  ``memory.stat`` alone takes 9 us, as
the kernel sums it up, so it is read only when time was spent waiting for pages or a disk.
References: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/cpuacct.rst, accounting/psi.rst,
scheduler/sched-stats.rst.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.service.cgroups import cgroup_directories, read_text

__all__ = ["ContainerCounters", "Counters"]

_USED_US = re.compile(rb"^usage_usec (\d+)$", re.MULTILINE)
_THROTTLED_NS = re.compile(rb"^throttled_time (\d+)$", re.MULTILINE)
_THROTTLED_US = re.compile(rb"^throttled_usec (\d+)$", re.MULTILINE)
_FAULTS = re.compile(rb"^(?:total_)?pgmajfault (\d+)$", re.MULTILINE)
_TOTAL_US = re.compile(rb"^(some|full) .*\btotal=(\d+)$", re.MULTILINE)

_LONGEST = 16_384
_THREADS = 8
"""That are asked each by itself where the kernel keeps no account of pressure: 6 us for each."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Sums since the container began; None: the kernel keeps no such account of it.

    ``cpu_ns`` of CPU time; ``throttled_ns`` that its CPU limit took from it, over all CPUs;
    ``waited_ns`` while it had threads that were ready to run and none ran; ``major_faults`` for
    which pages had to be read; ``paging_ns`` while it had threads that waited for memory or for a
    disk, and none ran.
    """

    cpu_ns: int
    throttled_ns: int | None = None
    waited_ns: int | None = None
    major_faults: int | None = None
    paging_ns: int | None = None


class ContainerCounters:
    """Reads those of the container that process ``pid`` belongs to; `close` it.

    Nothing is raised where there are none to be had, or once the container is gone (its control
    group goes with it, and a new one of that name is another one): `read` then returns None.
    """

    def __init__(self, pid: int, proc: Path = Path("/proc")) -> None:
        unified, usage, limits, memory = cgroup_directories(
            pid, "", "cpuacct", "cpu", "memory", proc=proc
        )
        # A hierarchy of version 1 that counts CPU time is the one that the container was put into.
        self._used = _File(usage, "cpuacct.usage")
        self._unified = _File(None if usage else unified, "cpu.stat")
        self._limits = _File(limits, "cpu.stat")
        self._memory = _File(memory or unified, "memory.stat")
        self._cpu_pressure = _File(unified, "cpu.pressure")
        self._paging = tuple(_File(unified, f"{of}.pressure") for of in ("io", "memory"))
        self._paging_ns: int | None = None
        self._major_faults: int | None = None
        told = _pressure_ns(self._cpu_pressure.read()) is not None
        self._threads = _Threads(None if told else usage or unified, proc)

    def read(self) -> Counters | None:
        """The sums so far; None when they cannot be had."""
        unified = self._unified.read()
        cpu_ns = _number(self._used.read())
        if cpu_ns is None:
            cpu_ns = _found(_USED_US, unified, 1000)
        if cpu_ns is None:
            return None
        throttled_ns = _found(_THROTTLED_NS, self._limits.read())
        if throttled_ns is None:
            throttled_ns = _found(_THROTTLED_US, unified, 1000)
        waited_ns = _pressure_ns(self._cpu_pressure.read())
        if waited_ns is None:
            waited_ns = self._threads.waited_ns()
        paging = [_pressure_ns(file.read()) for file in self._paging]
        known = [one for one in paging if one is not None]
        # What waits for its pages to come back from a disk is in both sums.
        paging_ns = max(known, default=None)
        if paging_ns is None or paging_ns != self._paging_ns or self._major_faults is None:
            # Version 1 has a total after the group's own.
            *_, self._major_faults = (None, *map(int, _FAULTS.findall(self._memory.read())))
        self._paging_ns = paging_ns
        return Counters(cpu_ns, throttled_ns, waited_ns, self._major_faults, paging_ns)

    def close(self) -> None:
        """Closes the files; harmless when called twice."""
        for file in (
            *(self._used, self._unified, self._limits, self._memory, self._cpu_pressure),
            *self._paging,
        ):
            file.close()
        self._threads.close()


class _File:
    """An open file that is read from its begin, again and again; b"" when it cannot be."""

    def __init__(self, directory: Path | None, name: str) -> None:
        self._fd: int | None = None
        if directory is not None:
            with suppress(OSError):
                self._fd = os.open(directory / name, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> bytes:
        if self._fd is None:
            return b""
        try:
            return os.pread(self._fd, _LONGEST, 0)
        except OSError:  # what it tells of is gone, or the kernel was told to keep no account
            return b""

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class _Threads:
    """The longest of several threads' waits for a CPU from look to look, added up.

    The kernel counts a wait when it ends, and of each thread by itself.  The sum over threads would
    count two that wait at the same time twice.
    """

    def __init__(self, cgroup: Path | None, proc: Path) -> None:
        self._proc = proc
        self._list = _File(cgroup, "tasks")
        if not self._list.read():
            self._list.close()
            self._list = _File(cgroup, "cgroup.threads")
        self._before = self._delays_ns()
        self._waited_ns = 0

    def waited_ns(self) -> int | None:
        """So far; None where there are too many threads, or one does not tell."""
        now, before = self._delays_ns(), self._before
        self._before = now
        if not now:
            return None
        self._waited_ns += max(0, *(after - before.get(tid, after) for tid, after in now.items()))
        return self._waited_ns

    def _delays_ns(self) -> dict[bytes, int]:
        """By thread; empty where not all are known."""
        threads = self._list.read().split()
        if len(threads) > _THREADS:
            return {}
        found = {tid: _run_delay_ns(self._proc / tid.decode() / "schedstat") for tid in threads}
        return {tid: delay_ns for tid, delay_ns in found.items() if delay_ns is not None}

    def close(self) -> None:
        self._list.close()


def _run_delay_ns(path: Path) -> int | None:
    """The second of ``schedstat``'s three numbers; None of a thread that is gone."""
    fields = read_text(path).split()
    return int(fields[1]) if len(fields) == 3 and fields[1].isdigit() else None


def _pressure_ns(text: bytes) -> int | None:
    """Time in which no thread got on; before Linux 5.13, of CPUs, in which one of them did not."""
    found = {name: int(total) * 1000 for name, total in _TOTAL_US.findall(text)}
    return found.get(b"full", found.get(b"some"))


def _found(pattern: re.Pattern[bytes], text: bytes, unit: int = 1) -> int | None:
    match = pattern.search(text)
    return int(match[1]) * unit if match else None


def _number(text: bytes) -> int | None:
    text = text.strip()
    return int(text) if text.isdigit() else None
