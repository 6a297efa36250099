"""Where the cgroups of a container are mounted (v1, v2 or both), and what a file of theirs says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["cgroup_directories", "processes_in", "read_text"]

_CONTAINER = re.compile(r".*[0-9a-f]{64}[^/]*")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def cgroup_directories(
    pid: int, *controllers: str, proc: Path = Path("/proc")
) -> tuple[Path | None, ...]:
    """Directory of the container of process ``pid`` in the hierarchy of each controller.

    '' is version 2.  None where there is none to be had: the process is gone, the cgroups are
    hidden by a namespace, or the process is in no cgroup of its own.
    """
    paths = _paths_by_controller(read_text(proc / str(pid) / "cgroup"))
    mounts = dict(_mounts(read_text(proc / "self" / "mountinfo")))
    return tuple(_directory(pid, mounts.get(name), paths.get(name)) for name in controllers)


def processes_in(cgroup: Path, *, deep: bool = True) -> list[int]:
    """Process ids of a cgroup, and with ``deep`` of those below it."""
    lists = [cgroup / "cgroup.procs"]
    if deep:
        lists += cgroup.glob("*/**/cgroup.procs")
    return [int(pid) for file in lists for pid in read_text(file).split()]


def read_text(path: Path) -> str:
    """What the file holds; "" when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


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
    if pid not in processes_in(place / inside, deep=False):
        return None
    # An init system inside moves itself into a cgroup below the container's.
    own = _CONTAINER.match(inside)
    return place / (own[0] if own else inside)
