"""Containers that Docker starts again when they end, by their restart policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from socklat_gate.errors import InvalidMeasurement, Reason, UnfitEnvironment
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.container_process import ContainerProcess, find_process
from socklat_gate.service.death import death_error
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.logs import tail

__all__ = ["find_restarted", "restarts", "wait_running"]

PAUSE_S = 0.02


def find_restarted(
    client: DockerClient,
    network: str,
    container_id: str,
    name: str,
    address_of: str = "",
    *,
    ipv6: bool = False,
) -> ContainerProcess | None:
    """As `find_process`; None while Docker waits before it starts the container once more.

    Raises `InvalidMeasurement` (SERVICE_DIED) when its policy starts it no more.
    """
    pid = _pid(client, container_id, name)
    if not pid:
        return None
    try:
        return find_process(client, network, container_id, name, address_of, ipv6=ipv6)
    except (InvalidMeasurement, UnfitEnvironment):
        if _pid(client, container_id, name) == pid:
            raise
        return None  # it ended meanwhile


def wait_running(
    client: DockerClient,
    container_id: str,
    name: str,
    find: Callable[[], ContainerProcess | None],
    within_s: float,
) -> ContainerProcess:
    """The process once there is one.  Raises `InvalidMeasurement` (SERVICE_NOT_READY)."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if (process := find()) is not None:
            return process
        time.sleep(PAUSE_S)
    raise InvalidMeasurement(
        Reason.SERVICE_NOT_READY,
        f"container {name} ended and was restarted again and again for {within_s:g} s",
        remedy="read its last log lines in the job's log, or give a larger service.ready.timeout_s",
    ).with_log(tail(client, container_id))


def restarts(client: DockerClient, container_id: str, name: str) -> tuple[int, int]:
    """How often Docker has started it again, and when it was created (CLOCK_MONOTONIC, ns)."""
    with daemon_errors(f"inspecting container {name}"):
        facts = client.api.inspect_container(container_id)
    # Docker writes up to nine digits of a second, which Python 3.10 does not read.
    second, _, digits = facts["Created"].rstrip("Z").partition(".")
    created_ns = int(datetime.fromisoformat(f"{second}+00:00").timestamp()) * 10**9
    created_ns += int(digits.ljust(9, "0")[:9])
    return int(facts["RestartCount"]), time.monotonic_ns() - (time.time_ns() - created_ns)


def _pid(client: DockerClient, container_id: str, name: str) -> int:
    """Of its process, 0 while it is being restarted; raises when it has ended for good."""
    with daemon_errors(f"inspecting container {name}"):
        state = client.api.inspect_container(container_id)["State"]
    if not state.get("Running") and not state.get("Restarting"):
        raise death_error(client, container_id, name)
    return 0 if state.get("Restarting") else int(state.get("Pid") or 0)
