"""The errors for a container that ended, or that Docker could not start."""

from __future__ import annotations

import time
from collections.abc import Callable

import docker
import docker.errors

from socklat_gate.errors import InvalidMeasurement, Reason, UnfitEnvironment
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.docker_documents import ContainerState
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.logs import tail

__all__ = ["death_error", "has_ended", "start_error"]

SETTLE_S = 2.0
PAUSE_S = 0.05
SIGKILLED = 128 + 9


def death_error(client: DockerClient, container_id: str, name: str) -> InvalidMeasurement:
    """The error for a container whose process is gone: exit code, OOM flag and last log lines.

    Returned rather than raised; losing the daemon too does not hide the news.
    """
    try:
        with daemon_errors(f"asking how container {name} ended"):
            state = _settled_state(client, container_id, _is_explained)
    except UnfitEnvironment as error:
        return _service_died(f"the process of container {name} is gone; {error.message}")
    if state is None:
        return _service_died(f"container {name} was removed by somebody else")
    if state.get("Running"):
        # With a restart policy there is a next one by now.
        how = "ended, and Docker reports that it runs again"
    else:
        how = f"exited with code {state.get('ExitCode')}"
    if state.get("OOMKilled"):
        how += ", killed because it ran out of memory"
    elif state.get("ExitCode") == SIGKILLED:
        how += " (SIGKILL: it ran out of memory unseen by Docker, or somebody killed it)"
    if state.get("Error"):
        how += f" ({state['Error']})"
    return _service_died(f"container {name} {how}").with_log(tail(client, container_id))


def has_ended(client: DockerClient, container_id: str) -> bool:
    """Whether Docker reports so within 2 s (it notices the end of a process a little later)."""
    state = _settled_state(client, container_id, _is_over)
    return state is None or not state.get("Running")


def start_error(name: str, why: str) -> InvalidMeasurement:
    """The error for a container that Docker could not start, with Docker's words in ``why``."""
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


def _settled_state(
    client: DockerClient, container_id: str, settled: Callable[[ContainerState], bool]
) -> ContainerState | None:
    """The state once it is ``settled``, or as it is after 2 s; None when the container is gone."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        state = _state(client, container_id)
        if state is None or settled(state) or time.monotonic() >= deadline:
            return state
        time.sleep(PAUSE_S)


def _is_over(state: ContainerState) -> bool:
    """Docker has noticed the end of the process, which it does a little later."""
    return not state.get("Running")


def _is_explained(state: ContainerState) -> bool:
    """It has also noticed whether the kernel ended it for its memory, which it learns apart."""
    killed = state.get("ExitCode") == SIGKILLED
    return _is_over(state) and (not killed or bool(state.get("OOMKilled")))


def _state(client: DockerClient, container_id: str) -> ContainerState | None:
    try:
        state = client.api.inspect_container(container_id)["State"]
    except docker.errors.NotFound:
        return None
    return state


def _service_died(message: str) -> InvalidMeasurement:
    return InvalidMeasurement(
        Reason.SERVICE_DIED,
        message,
        remedy="read its last log lines in the job's log, or start the image by hand with the same "
        "command and options",
    )
