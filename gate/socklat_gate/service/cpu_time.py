"""The CPU time of a container, from the kernel's account of its cgroup (v1, v2 or both mounted).

The account counts threads that have ended too, which ``/proc/PID/stat`` of the processes does not.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CpuMeter", "CpuUse"]

_CONTAINER = re.compile(r".*[0-9a-f]{64}[^/]*")
_ESCAPED = re.compile(r"\\([0-7]{3})")


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
        for pid in _processes(cgroup):
            for status in self._proc.glob(f"{pid}/task/*/status"):
                found = re.search(r"^nonvoluntary_ctxt_switches:\s*(\d+)", _read(status), re.M)
                total += int(found[1]) if found else 0
        return total


def _accounts(pid: int, proc: Path) -> tuple[Path | None, Path | None]:
    """Directories of the cgroups that count the container's CPU time, and its limit."""
    paths = _paths_by_controller(_read(proc / str(pid) / "cgroup"))
    mounts = dict(_mounts(_read(proc / "self" / "mountinfo")))
    unified = _directory(pid, mounts.get(""), paths.get(""))
    usage = _directory(pid, mounts.get("cpuacct"), paths.get("cpuacct"))
    limits = _directory(pid, mounts.get("cpu"), paths.get("cpu"))
    # A hierarchy of version 1 that counts CPU time is the one that the container was put into.
    return usage or unified, limits or unified


def _paths_by_controller(text: str) -> dict[str, str]:
    """Controller -> path of the cgroup, from ``/proc/PID/cgroup``; version 2 is ''."""
    found = {}
    for line in text.splitlines():
        fields = line.split(":", 2)
        if len(fields) == 3:
            found.update(dict.fromkeys(fields[1].split(","), fields[2]))
    return found


def _mounts(text: str) -> Iterator[tuple[str, tuple[str, Path]]]:
    """Controller, and root and place of its mount, from ``mountinfo``; version 2 is ''."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        places, kinds = before.split(), after.split()
        if len(places) < 5 or len(kinds) < 3:
            continue
        root, place = map(_unescape, places[3:5])
        if kinds[0] == "cgroup2":
            yield "", (root, Path(place))
        elif kinds[0] == "cgroup":
            for controller in kinds[2].split(","):
                yield controller, (root, Path(place))


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)


def _directory(pid: int, mount: tuple[str, Path] | None, path: str | None) -> Path | None:
    """Where the container's cgroup is mounted; None when it cannot be seen or is not its own."""
    if mount is None or path is None:
        return None
    root, place = mount
    above = root.rstrip("/") + "/"
    inside = path.removeprefix(above)
    # Cgroups outside of the reader's namespace have paths that begin with "/..".
    if inside == path or not inside or ".." in inside.split("/"):
        return None
    if pid not in _processes(place / inside, deep=False):
        return None
    # An init system inside moves itself into a cgroup below the container's.
    own = _CONTAINER.match(inside)
    return place / (own[0] if own else inside)


def _processes(cgroup: Path, *, deep: bool = True) -> list[int]:
    lists = [cgroup / "cgroup.procs"]
    if deep:
        lists += cgroup.glob("*/**/cgroup.procs")
    return [int(pid) for file in lists for pid in _read(file).split()]


def _used_ns(cgroup: Path) -> int | None:
    with contextlib.suppress(ValueError):
        return int(_read(cgroup / "cpuacct.usage"))
    used_us = _statistic(cgroup, "usage_usec")
    return None if used_us is None else used_us * 1000


def _throttled_us(cgroup: Path | None) -> int | None:
    if cgroup is None:
        return None
    throttled_ns = _statistic(cgroup, "throttled_time")
    return _statistic(cgroup, "throttled_usec") if throttled_ns is None else throttled_ns // 1000


def _statistic(cgroup: Path, name: str) -> int | None:
    found = re.search(rf"^{name} (\d+)$", _read(cgroup / "cpu.stat"), re.MULTILINE)
    return int(found[1]) if found else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
