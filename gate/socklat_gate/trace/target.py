"""What is to be traced: a container, a process or a port, resolved to sockets."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from socklat_gate.errors import Reason, UsageError
from socklat_gate.service.client import connect, daemon_errors
from socklat_gate.service.runtimes import check_runtime
from socklat_gate.service.tcp_listeners import listeners, tcp_listeners
from socklat_gate.trace.ports import declared_ports, inside_ports, own_port
from socklat_gate.wording.sanitise import strip_control_characters

__all__ = ["Target", "each_port", "of_container", "of_pid", "of_port", "on_one_port"]

_PROC = Path("/proc")
_NAME = re.compile(r"/?[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Target:
    """A namespace, the ports served in it, and whether it is shared with others.

    With ``apart`` what else the namespace is asked for is told apart: on other ports, or from
    inside.  ``others`` are ports that are shown each for itself beside ``ports``, ``inside`` those
    that only the namespace itself can reach, ``own`` the one that the service is asked on.  ``pid``
    is the process whose end ends the target, 0 for a port.  ``id``, ``name`` and ``image`` are the
    container's; empty for a process or a port.  All text is printable.
    """

    label: str
    netns_inode: int
    ports: tuple[int, ...]
    shared: bool
    pid: int = 0
    id: str = ""
    name: str = ""
    image: str = ""
    apart: bool = False
    others: tuple[int, ...] = ()
    inside: tuple[int, ...] = ()
    own: int = 0


def of_container(name: str) -> Target:
    """A running container by name or id.

    Raises `UsageError` when it does not exist or does not run, `UnfitEnvironment` without Docker,
    or when its runtime keeps its sockets from this kernel.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{name!r} cannot be a container's name or id",
            remedy="`docker ps` lists the running ones",
        )
    client = connect()
    try:
        with daemon_errors(f"looking at container {name!r}"):
            return _of_inspected(client, name, _inspect(client, name))
    finally:
        client.close()


def _inspect(client: Any, name: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = client.api.inspect_container(name)
    except NotFound:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"there is no container {name!r}",
            remedy="`docker ps` lists the running ones",
        ) from None
    return found


def _of_inspected(client: Any, name: str, state: Mapping[str, Any]) -> Target:
    pid = int(state["State"]["Pid"])
    if not pid:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"container {name!r} is not running ({state['State']['Status']})",
            remedy=f"start it: docker start {name}",
        )
    runtime = (state.get("HostConfig") or {}).get("Runtime")
    if runtime:
        check_runtime(client.info(), runtime, f"container {name!r}")
    title = strip_control_characters(str(state["Name"]).lstrip("/"), "?")
    image = strip_control_characters(str(state["Config"]["Image"]), "?")
    target = _of_process(
        pid,
        lambda: _pids_of(client, name, pid),
        f"container {title!r}",
        declared=declared_ports(state),
    )
    label = f"{title} ({image})"
    return replace(target, label=label, id=str(state["Id"]), name=title, image=image)


def of_pid(pid: int) -> Target:
    """The network namespace of a process; on the host's own, only the ports it listens on.

    Raises `UsageError` when there is no such process or, there, it listens on none.
    """
    return _of_process(pid, lambda: [pid])


def of_port(port: int) -> Target:
    """A port on the host's own network.  Raises `UsageError` when nothing listens there."""
    if port not in {served for served, _ in tcp_listeners("self", _PROC)}:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"nothing listens on TCP port {port} of the host's own network",
            remedy="give the container instead; `ss -ltn` lists the host's ports",
        )
    return Target(f"port {port}", _netns_inode("self"), (port,), shared=True)


def on_one_port(target: Target, port: int) -> Target:
    """The same target, of whose ports only this one is looked at.

    Raises `UsageError` when it does not listen there.
    """
    if port not in target.ports:
        listed = ", ".join(map(str, target.ports)) or "none"
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{target.label} does not listen on TCP port {port}",
            remedy=f"its ports are: {listed}",
        )
    return replace(target, ports=(port,), apart=not target.shared)


def each_port(target: Target) -> Target:
    """The same target, with the service's own port told apart from each of its others."""
    if len(target.ports) < 2:
        return target
    others = tuple(port for port in target.ports if port != target.own)
    return replace(target, ports=(target.own,), others=others, apart=not target.shared)


def _of_process(
    pid: int,
    companions: Callable[[], Iterable[int]],
    who: str = "",
    declared: Iterable[int] = (),
) -> Target:
    """The target of a process; where its network is the host's, its companions' listeners too."""
    try:
        inode = _netns_inode(pid)
        comm = strip_control_characters(
            (_PROC / f"{pid}/comm").read_text("utf-8", errors="replace").strip(), "?"
        )
        shared = inode == _netns_inode("self")
        mine = {owner for one in companions() for owner in _socket_inodes(one)} if shared else None
        found = [one for one in listeners(pid, _PROC) if mine is None or one.inode in mine]
        ports = sorted({one.port for one in found})
    except OSError as error:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"process {pid} cannot be looked at: {error.strerror}",
            remedy="give the id of a running process, as root or as its owner",
        ) from None
    if shared and not ports:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{who or f'process {pid} ({comm})'} is on the host's network and listens on no "
            "TCP port",
            remedy="give the process that listens, or --port",
        )
    return Target(
        f"pid {pid} ({comm})",
        inode,
        tuple(ports),
        shared,
        pid,
        inside=inside_ports(found),
        own=own_port(found, declared),
    )


def _pids_of(client: Any, name: str, first: int) -> list[int]:
    """All processes of a container: the first one is often a shell or an init."""
    table = client.api.top(name)
    at = table["Titles"].index("PID")
    return [first, *(int(row[at]) for row in table["Processes"] or ())]


def _netns_inode(pid: int | str) -> int:
    return os.stat(_PROC / f"{pid}/ns/net").st_ino


def _socket_inodes(pid: int) -> Iterator[str]:
    for entry in (_PROC / f"{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry))
        except FileNotFoundError:  # closed meanwhile
            continue
        if match:
            yield match.group(1)
