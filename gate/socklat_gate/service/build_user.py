"""As whom a build's command runs: under sudo as who called it, with that user's logins and cache.

As root it would leave files of root's in the user's ``~/.docker``, which later steps cannot write.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from socklat_gate.invoker import Invoker, invoker
from socklat_gate.service.daemon_address import daemon_address

__all__ = ["BuildUser", "build_user"]


@dataclass(frozen=True, slots=True)
class BuildUser:
    """Options of `subprocess.Popen`, and what changes in the environment."""

    options: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


def build_user() -> BuildUser:
    """This process's user, unless that is root through sudo and the caller may talk to the daemon.

    Nobody else can build there: then root does.
    """
    user = invoker()
    if user is None or not _may_reach(user, daemon_address().url):
        return BuildUser()
    return BuildUser(user.process_options(), user.variables(os.environ))


def _may_reach(user: Invoker, url: str) -> bool:
    """Whether the daemon's socket is open to the user; of a daemon elsewhere its own login says."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return True
    try:
        found = os.stat(parts.path)
    except OSError:
        return False
    groups = user.process_options()["extra_groups"]
    if found.st_uid == user.uid:
        return bool(found.st_mode & stat.S_IWUSR)
    if found.st_gid in {user.gid, *groups}:
        return bool(found.st_mode & stat.S_IWGRP)
    return bool(found.st_mode & stat.S_IWOTH)
