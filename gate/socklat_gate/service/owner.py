"""Labels of the process that owns a container or network, and whether it is dead."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

__all__ = [
    "ARM_LABEL",
    "PREFIX",
    "RUN_LABEL",
    "Fate",
    "OwnerTag",
    "boot_id",
    "fate_of",
    "owner_labels",
    "start_ticks",
]

PREFIX = "dev.socklat-gate."
RUN_LABEL = PREFIX + "run"
ARM_LABEL = PREFIX + "arm"
_PID = PREFIX + "pid"
_START = PREFIX + "start"
_BOOT = PREFIX + "boot"
_PID_NS = PREFIX + "pidns"
_TEXT = re.compile(
    r"([0-9a-f]{12})\.(\d+)\.(\d+)\.(\d+)\."
    r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})"
)


@dataclass(frozen=True, slots=True)
class OwnerTag:
    """One run of this tool: its id, and enough of its process to know later whether it is gone.

    ``start`` is field 22 of /proc/PID/stat (clock ticks after boot), ``pid_ns`` the inode of the
    pid namespace in which ``pid`` means something.
    """

    run: str
    pid: int
    start: int
    boot: str
    pid_ns: int

    @classmethod
    def current(cls) -> OwnerTag:
        """A tag with a new random run id for the calling process."""
        pid = os.getpid()
        start = start_ticks(pid)
        assert start is not None, "a running process has an entry in /proc"
        return cls(secrets.token_hex(6), pid, start, boot_id(), _own_pid_ns())

    @property
    def text(self) -> str:
        """The same as a part of a name: letters, digits and dots (`owner_labels` reads it)."""
        boot = self.boot.replace("-", "")
        return f"{self.run}.{self.pid}.{self.start}.{self.pid_ns}.{boot}"

    def labels(self) -> dict[str, str]:
        """Docker labels, all below `PREFIX`."""
        return {
            RUN_LABEL: self.run,
            _PID: str(self.pid),
            _START: str(self.start),
            _BOOT: self.boot,
            _PID_NS: str(self.pid_ns),
        }


def owner_labels(text: str) -> dict[str, str]:
    """The labels of whom `OwnerTag.text` names; none where it names nobody."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return {}
    run, pid, start, pid_ns, *boot = found.groups()
    return {
        RUN_LABEL: run,
        _PID: pid,
        _START: start,
        _PID_NS: pid_ns,
        _BOOT: "-".join(boot),
    }


class Fate(Enum):
    """What is known of an owner.

    Of another boot: another machine that shares the daemon, another kernel on this one, or this one
    before it was booted.
    """

    ALIVE = "alive"
    DEAD = "dead"
    OTHER_NAMESPACE = "other namespace"
    OTHER_BOOT = "other boot"
    UNREADABLE = "unreadable"


def fate_of(labels: Mapping[str, str]) -> Fate:
    """Whether the owner named by ``labels`` still runs.

    It is dead when, in this boot and this pid namespace, the process is gone or its id belongs to a
    later process.  Labels that are missing or unreadable prove nothing.
    """
    owner = _read(labels)
    if owner is None:
        return Fate.UNREADABLE
    if owner.boot != boot_id():
        return Fate.OTHER_BOOT
    if owner.pid_ns != _own_pid_ns():
        return Fate.OTHER_NAMESPACE
    return Fate.ALIVE if start_ticks(owner.pid) == owner.start else Fate.DEAD


def _read(labels: Mapping[str, str]) -> OwnerTag | None:
    try:
        pid, start, pid_ns = int(labels[_PID]), int(labels[_START]), int(labels[_PID_NS])
        boot, run = labels[_BOOT], labels[RUN_LABEL]
    except (KeyError, ValueError):
        return None
    return OwnerTag(run, pid, start, boot, pid_ns) if boot and pid > 0 else None


def start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks after boot; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    # One whose first thread has ended lives by its others, as for a moment when one of these execs.
    if fields[0] in "ZX" and int(fields[17]) <= 1:
        return None
    return int(fields[19])


def boot_id() -> str:
    """The kernel's random id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _own_pid_ns() -> int:
    return os.stat("/proc/self/ns/pid").st_ino
