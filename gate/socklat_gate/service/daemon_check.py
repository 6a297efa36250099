"""Whether what a daemon starts can be measured from here: the same machine, kernel and network."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.service.daemon_address import DEFAULT_URL, DaemonAddress
from socklat_gate.service.docker_documents import DaemonInfo

__all__ = ["check_address", "check_daemon"]

HERE = "run the gate on that machine, or use a daemon of this one: DOCKER_HOST=" + DEFAULT_URL
ROOTFUL = "use a rootful daemon: unset DOCKER_HOST, or set it to " + DEFAULT_URL


def check_address(at: DaemonAddress) -> None:
    """Refuse an address that leads elsewhere by itself, without a look at what is there.

    Raises `UnfitEnvironment` (NO_DOCKER) naming the host.
    """
    parts = urlsplit(at.url)
    if parts.scheme == "ssh":
        raise _unfit(
            f"the Docker daemon at {at} is asked by ssh on {parts.hostname or 'another machine'}: "
            "the sockets of containers there are not this kernel's",
            HERE,
        )


def check_daemon(info: DaemonInfo, at: DaemonAddress) -> None:
    """Raises `UnfitEnvironment` (NO_DOCKER) naming what is in the way, before anything starts.

    What cannot be known from here is found by the first container (`find_process`).
    """
    options = info.get("SecurityOptions") or ()
    if info.get("Rootless") or any("name=rootless" in option for option in options):
        raise _unfit(
            f"the Docker daemon at {at} runs rootless: the addresses of its containers "
            "exist only inside its own network namespace",
            ROOTFUL,
        )
    system = str(info.get("OperatingSystem") or "")
    if "Docker Desktop" in system:
        raise _unfit(
            f"the Docker daemon at {at} is Docker Desktop's, which runs containers in a virtual "
            "machine: their sockets are not this kernel's",
            "use a Docker engine that runs on this machine itself",
        )
    kernel, here = str(info.get("KernelVersion") or ""), os.uname().release
    if kernel and kernel != here:
        raise _unfit(
            f"the Docker daemon at {at} runs on another machine, {_name(info)} with kernel "
            f"{kernel}; this one has {here}, whose sockets are not those of its containers",
            HERE,
        )
    if (there := _elsewhere(at.url)) and info.get("Name") not in set(_own_names()):
        raise _unfit(
            f"the Docker daemon at {at} runs on another machine, {_name(info)} at {there}: its "
            "containers' sockets are not this kernel's",
            HERE,
        )


def _unfit(message: str, remedy: str) -> UnfitEnvironment:
    return UnfitEnvironment(Reason.NO_DOCKER, message, remedy=remedy)


def _name(info: DaemonInfo) -> str:
    return repr(str(info.get("Name") or "unnamed"))


def _elsewhere(url: str) -> str:
    """The host of a URL that has none of this machine's addresses; empty where it has."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme in ("unix", "http+unix", "npipe", "") or not host:
        return ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return host
    return "" if any(_is_own(family, address) for family, _, _, _, address in found) else host


def _is_own(family: int, address: tuple[object, ...]) -> bool:
    """Whether the address is one of this network namespace: only those can be bound."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address[0], 0, *address[2:]))
        except OSError:
            return False
    return True


def _own_names() -> Iterator[str]:
    """What this machine is called: here, and by the host where this runs in a container of it."""
    yield os.uname().nodename
    try:
        yield Path("/proc/1/root/etc/hostname").read_text("utf-8").strip()
    except (OSError, ValueError):
        return
