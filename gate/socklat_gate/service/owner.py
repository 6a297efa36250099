"""Labels of the process that owns a container or network, and whether it is dead."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ARM_LABEL",
    "PREFIX",
    "RUN_LABEL",
    "OwnerTag",
    "boot_id",
    "is_dead",
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


def is_dead(labels: Mapping[str, str]) -> bool:
    """Whether the owner named by ``labels`` certainly no longer runs.

    True when the machine has booted since, or when, in this boot and this pid namespace, the
    process is gone or its id belongs to a later process.  Labels that are missing or unreadable,
    or that name another pid namespace, prove nothing: False.
    """
    try:
        pid, start, pid_ns = int(labels[_PID]), int(labels[_START]), int(labels[_PID_NS])
        boot = labels[_BOOT]
    except (KeyError, ValueError):
        return False
    if not boot or pid <= 0:
        return False
    if boot != boot_id():
        return True
    return pid_ns == _own_pid_ns() and start_ticks(pid) != start


def start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks after boot; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return int(fields[19])


def boot_id() -> str:
    """The kernel's random id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _own_pid_ns() -> int:
    return os.stat("/proc/self/ns/pid").st_ino
