"""What is to be traced: a container, a process or a port, resolved to sockets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docker.errors import APIError, NotFound

from gate.errors import Reason, UsageError
from gate.probe.probe import own_netns_inode
from gate.service.client import connect

__all__ = ["Target", "of_container", "of_pid", "of_port"]

_LISTEN = "0A"  # TCP_LISTEN of include/net/tcp_states.h, as /proc/net/tcp prints it


@dataclass(frozen=True, slots=True)
class Target:
    """A namespace, the ports served in it, and whether it is shared with others.

    ``id``, ``name`` and ``image`` are the container's; empty for a process or a port.
    """

    label: str
    netns_inode: int
    ports: tuple[int, ...]
    shared: bool
    id: str = ""
    name: str = ""
    image: str = ""


def of_container(name: str) -> Target:
    """A running container by name or id.

    Raises `UsageError` when it does not exist or does not run, `UnfitEnvironment` without Docker.
    """
    client = connect()
    try:
        state = client.api.inspect_container(name)
    except (NotFound, APIError) as error:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"there is no container {name!r}: {error.explanation}",
            remedy="`docker ps` lists the running ones",
        ) from None
    finally:
        client.close()
    pid = int(state["State"]["Pid"])
    if not pid:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"container {name!r} is not running ({state['State']['Status']})",
            remedy=f"start it: docker start {name}",
        )
    target = of_pid(pid)
    title = str(state["Name"]).lstrip("/")
    image = str(state["Config"]["Image"])
    label = f"{title} ({image})"
    return Target(
        label, target.netns_inode, target.ports, target.shared, str(state["Id"]), title, image
    )


def of_pid(pid: int) -> Target:
    """The network namespace of a process; on the host's own, only the ports it listens on.

    Raises `UsageError` when there is no such process or, there, it listens on none.
    """
    try:
        inode = os.stat(f"/proc/{pid}/ns/net").st_ino
        comm = Path(f"/proc/{pid}/comm").read_text("utf-8", errors="replace").strip()
        shared = inode == own_netns_inode()
        mine = set(_socket_inodes(pid)) if shared else None
        ports = tuple(sorted({port for port, owner in _listening(pid) if _is(owner, mine)}))
    except OSError as error:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"process {pid} cannot be looked at: {error.strerror}",
            remedy="give the id of a running process, as root or as its owner",
        ) from None
    if shared and not ports:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"process {pid} ({comm}) is on the host's network and listens on no TCP port",
            remedy="give the process that listens, or --port",
        )
    return Target(f"pid {pid} ({comm})", inode, ports, shared)


def of_port(port: int) -> Target:
    """A port on the host's own network."""
    return Target(f"port {port}", own_netns_inode(), (port,), shared=True)


def _is(owner: str, mine: set[str] | None) -> bool:
    return mine is None or owner in mine


def _listening(pid: int) -> Iterator[tuple[int, str]]:
    """Port and socket inode of every TCP listener in the namespace of a process."""
    for name in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{name}")
        if not path.exists():
            continue
        for line in path.read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN:
                yield int(fields[1].rpartition(":")[2], 16), fields[9]


def _socket_inodes(pid: int) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry))
        except FileNotFoundError:  # closed meanwhile
            continue
        if match:
            yield match.group(1)
