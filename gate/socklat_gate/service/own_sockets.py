"""Whether a container's sockets are this kernel's, which is what is measured."""

from __future__ import annotations

import socket
import time

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.runtimes import sandbox_of
from socklat_gate.service.tcp_listeners import tcp_listeners

__all__ = ["check_sockets"]

CONNECT_TIMEOUT_S = 2.0
LOOK_TIMES, LOOK_EVERY_S = 3, 0.1


def check_sockets(client: DockerClient, item: ContainerProcess, port: int) -> None:
    """Refuse a service that responds though nothing in its network namespace listens there.

    It does so in a virtual machine or in a network stack of its runtime's own: its exchanges would
    be measured as none.  Raises `UnfitEnvironment` (NO_DOCKER) naming the runtime.  A service that
    does not listen yet is for the load to wait for.
    """
    for look in range(LOOK_TIMES):
        time.sleep(LOOK_EVERY_S if look else 0.0)
        if _listens(item.pid, port) or not _connects(item.address, port):
            return
    with daemon_errors(f"asking for the runtime of container {item.name}"):
        host_config = client.api.inspect_container(item.container_id).get("HostConfig") or {}
        runtime = host_config.get("Runtime", "")
        kind = sandbox_of(runtime, client.info().get("Runtimes") or {})
    named = f"{runtime!r}" + (f" ({kind[0]})" if kind else "")
    raise UnfitEnvironment(
        Reason.NO_DOCKER,
        f"port {port} of container {item.name} responds, but nothing in its network namespace "
        f"listens there: its runtime {named} has sockets of its own, which this kernel does not "
        "see, or a rule inside redirects the port",
        remedy="run it with runc or crun, or set service.port to the one it is redirected to",
    )


def _listens(pid: int, port: int) -> bool:
    try:
        return any(port == listening for listening, _ in tcp_listeners(pid))
    except OSError:  # ended, which others notice, or not to be looked at
        return True


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True
