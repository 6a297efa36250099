"""Whether a started container still runs, cheaply, and what to say when it does not."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors

from gate.errors import InvalidMeasurement, Reason, UnfitEnvironment
from gate.service.arms import RunningArm
from gate.service.client import daemon_url, lost_daemon
from gate.service.logs import tail
from gate.service.owner import start_ticks

__all__ = ["Watched", "died", "netns_inode_of", "process_of", "refused_start"]

SETTLE_S = 2.0
PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Watched:
    """A running arm, the address that readiness is asked at, and its process's start (ticks)."""

    arm: RunningArm
    address: str
    start: int

    def is_alive(self) -> bool:
        """Whether the container's first process is still that process; no call to the daemon."""
        return start_ticks(self.arm.pid) == self.start


def process_of(pid: int, name: str) -> int:
    """Start ticks of a container's process.

    Raises `UnfitEnvironment` when this machine has no such process although Docker says that it
    runs: the daemon is elsewhere, or counts processes in another namespace.
    """
    start = start_ticks(pid)
    if start is None:
        raise _elsewhere(f"process {pid} of container {name} cannot be seen from here")
    return start


def netns_inode_of(pid: int, name: str) -> int:
    """Inode of the network namespace of a container's process.

    Raises `UnfitEnvironment`: NO_PRIVILEGE when this user may not look, NO_DOCKER when it turns
    out to be this tool's own namespace (then ``pid`` is some other process).
    """
    try:
        inode = os.stat(f"/proc/{pid}/ns/net").st_ino
    except PermissionError as error:
        raise UnfitEnvironment(
            Reason.NO_PRIVILEGE,
            f"the network namespace of container {name} (process {pid}) may not be read: {error}",
            remedy="run as root (sudo), or with CAP_SYS_PTRACE besides CAP_BPF and CAP_PERFMON",
        ) from error
    except OSError as error:
        raise _elsewhere(f"process {pid} of container {name} cannot be seen from here") from error
    if inode == os.stat("/proc/self/ns/net").st_ino:
        raise _elsewhere(f"process {pid} is not that of container {name}")
    return inode


def died(client: docker.DockerClient, container_id: str, name: str) -> InvalidMeasurement:
    """The error for a container whose process is gone: exit code, OOM flag and last log lines."""
    try:
        with lost_daemon(f"asking how container {name} ended"):
            state = _settled_state(client, container_id)
    except UnfitEnvironment as error:
        return _service_died(f"container {name} ended; {error.message}")
    if state is None:
        return _service_died(f"container {name} was removed by somebody else")
    how = f"exited with code {state.get('ExitCode')}"
    if state.get("OOMKilled"):
        how += ", killed because it ran out of memory"
    if state.get("Error"):
        how += f" ({state['Error']})"
    return _service_died(
        f"container {name} {how}; its last log lines:\n{tail(client, container_id)}"
    )


def refused_start(name: str, why: str) -> InvalidMeasurement:
    """The error for a container that Docker could not start, with Docker's words."""
    lowered = why.lower()
    if "port is already allocated" in lowered or "address already in use" in lowered:
        return InvalidMeasurement(
            Reason.PORT_TAKEN,
            f"container {name} cannot publish its port: {why}",
            remedy="stop what listens there, choose another service.publish, or leave it out: the "
            "load then goes to the container's own address",
        )
    return InvalidMeasurement(
        Reason.SERVICE_DIED,
        f"container {name} cannot start: {why}",
        remedy="check service.command, volumes and limits: the same must work with docker run",
    )


def _settled_state(client: docker.DockerClient, container_id: str) -> dict[str, Any] | None:
    """The state once Docker has noticed the end too; None when the container is gone."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        try:
            state: dict[str, Any] = client.api.inspect_container(container_id)["State"]
        except docker.errors.NotFound:
            return None
        if not state.get("Running") or time.monotonic() >= deadline:
            return state
        time.sleep(PAUSE_S)


def _service_died(message: str) -> InvalidMeasurement:
    return InvalidMeasurement(
        Reason.SERVICE_DIED,
        message,
        remedy="start the image by hand with the same command and options and see why it ends",
    )


def _elsewhere(what: str) -> UnfitEnvironment:
    return UnfitEnvironment(
        Reason.NO_DOCKER,
        f"{what}: the daemon at {daemon_url()} runs on another machine or in another pid namespace",
        remedy="run the gate on the daemon's own machine, in the host's pid namespace "
        "(docker run --pid=host when the job itself runs in a container)",
    )
