"""The user who called sudo: what a scenario starts on the host runs as that user, not as root."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Invoker", "invoker"]


@dataclass(frozen=True, slots=True)
class Invoker:
    """Whoever ran this through sudo; ``name`` and ``home`` are empty for an account without entry.

    Only what needs root keeps it: the probe, the containers' name spaces, Docker's socket.
    """

    uid: int
    gid: int
    name: str
    home: str

    def process_options(self) -> dict[str, Any]:
        """Options of `subprocess.Popen` by which a child runs as this user."""
        groups = os.getgrouplist(self.name, self.gid) if self.name else [self.gid]
        return {"user": self.uid, "group": self.gid, "extra_groups": groups}

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        """What has to change in root's environment for a child of this user.

        A home that the caller had sudo keep stays.
        """
        named = {"USER": self.name, "LOGNAME": self.name} if self.name else {}
        own = {"HOME": self.home} if self.home else {}
        kept = environment.get("HOME", "") not in ("", _home_of_root())
        return {**named, **({} if kept else own)}

    @property
    def display_name(self) -> str:
        """What a message calls the user."""
        return self.name or f"the user with id {self.uid}"


def invoker(environment: Mapping[str, str] = os.environ) -> Invoker | None:
    """The user who called sudo for this process; None when nobody did, or root itself."""
    if os.geteuid() != 0:
        return None
    uid, gid = (environment.get(name, "") for name in ("SUDO_UID", "SUDO_GID"))
    if not (uid.isdecimal() and gid.isdecimal()) or int(uid) == 0:
        return None
    try:
        entry = pwd.getpwuid(int(uid))
    except (KeyError, OverflowError):
        return Invoker(int(uid), int(gid), "", "")
    return Invoker(entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir)


def _home_of_root() -> str:
    try:
        return pwd.getpwuid(0).pw_dir
    except KeyError:
        return "/root"
