"""The other containers of a stack: those that run, and where they listen."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import docker
import docker.errors

from socklat_gate.service.arm import Companion
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.tcp_listeners import tcp_listeners

__all__ = ["companions"]


def companions(
    client: DockerClient, containers: Iterable[tuple[str, str]], tested_inode: int
) -> Iterator[Companion]:
    """Those of name and container id that run in a network namespace of their own.

    One that has done its work and ended, a migration for instance, is none; nor is one in the
    namespace ``tested_inode``, whose connections look like the tested service's.
    """
    seen = {tested_inode, os.stat("/proc/self/ns/net").st_ino}
    for name, container_id in containers:
        with daemon_errors(f"inspecting container {name}"):
            try:
                pid = int(client.api.inspect_container(container_id)["State"]["Pid"])
            except docker.errors.NotFound:
                continue
        try:
            inode = os.stat(f"/proc/{pid}/ns/net").st_ino if pid else 0
            ports = sorted({port for port, _ in tcp_listeners(pid)}) if pid else []
        except OSError:  # it ended meanwhile
            continue
        if inode and inode not in seen:
            seen.add(inode)
            yield Companion(name, inode, tuple(ports), pid)
