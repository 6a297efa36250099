"""The process behind a started container: who it is, where its sockets live, whether it runs."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass

from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.service.client import daemon_errors, daemon_url
from socklat_gate.service.death import death_error, has_ended
from socklat_gate.service.docker_documents import NetworkEndpoint
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.owner import start_ticks

__all__ = ["ContainerProcess", "find_process", "monotonic_ns"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ContainerProcess:
    """A container that was started and seen running.

    ``pid`` is its first process as this machine counts and ``start`` that process's start (clock
    ticks after boot); ``address`` is its IP address on the private network.
    """

    container_id: str
    name: str
    pid: int
    start: int
    netns_inode: int
    address: str

    def is_alive(self) -> bool:
        """Whether that process still runs: one read in /proc, no call to the daemon."""
        return start_ticks(self.pid) == self.start

    def started_ns(self) -> int:
        """When the process was made (CLOCK_MONOTONIC), to one clock tick, mostly 10 ms."""
        return monotonic_ns(self.start)


def monotonic_ns(ticks: int) -> int:
    """A time in clock ticks after boot as one of CLOCK_MONOTONIC, which stands while asleep."""
    since_boot_ns = ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return since_boot_ns - (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns())


def find_process(
    client: DockerClient,
    network: str,
    container_id: str,
    name: str,
    address_of: str = "",
    *,
    ipv6: bool = False,
) -> ContainerProcess:
    """Find the process of a container that was just started on ``network``.

    ``address_of`` is the container whose address it has, where that is another one.  With ``ipv6``
    that is an IPv6 one; without, only where there is no other.

    Raises `UsageError` (BAD_SCENARIO) when it has no such address; `InvalidMeasurement`
    (SERVICE_DIED) when it has ended already; `UnfitEnvironment`: NO_PRIVILEGE when this user may
    not look at it, NO_DOCKER when this machine has no such process, because the daemon runs
    elsewhere or counts in another pid namespace.
    """
    with daemon_errors(f"inspecting container {name}"):
        facts = client.api.inspect_container(container_id)
    pid = int(facts["State"]["Pid"])
    if not facts["State"]["Running"] or not pid:
        raise death_error(client, container_id, name)
    try:
        netns_inode = _netns_inode(pid, name)
        start = start_ticks(pid)
        if start is None:
            raise _elsewhere(pid, name)
    except UnfitEnvironment:
        with daemon_errors(f"inspecting container {name}"):
            ended = has_ended(client, container_id)
        if ended:
            raise death_error(client, container_id, name) from None
        raise
    if address_of:
        with daemon_errors(f"inspecting the container whose network {name} is in"):
            facts = client.api.inspect_container(address_of)
    address = _address(facts["NetworkSettings"]["Networks"][network], network, name, ipv6=ipv6)
    log.info("container %s is process %d at %s", name, pid, address)
    return ContainerProcess(container_id, name, pid, start, netns_inode, address)


def _address(endpoint: NetworkEndpoint, network: str, name: str, *, ipv6: bool) -> str:
    version_4, version_6 = endpoint.get("IPAddress") or "", endpoint.get("GlobalIPv6Address") or ""
    if ipv6 and not version_6:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"service.ipv6: container {name} has no IPv6 address on network {network}",
            remedy="set `enable_ipv6: true` and a subnet for that network in the compose file, or "
            "remove service.ipv6",
        )
    return version_6 if ipv6 else version_4 or version_6


def _netns_inode(pid: int, name: str) -> int:
    try:
        inode = os.stat(f"/proc/{pid}/ns/net").st_ino
    except PermissionError as error:
        raise UnfitEnvironment(
            Reason.NO_PRIVILEGE,
            f"the network namespace of container {name} (process {pid}) may not be read: {error}",
            remedy="run as root (sudo), or with CAP_SYS_PTRACE besides CAP_BPF and CAP_PERFMON",
        ) from error
    except OSError as error:
        raise _elsewhere(pid, name) from error
    # A container on a bridge has a namespace of its own; with ours, pid is another process.
    if inode == os.stat("/proc/self/ns/net").st_ino:
        raise _elsewhere(pid, name)
    return inode


def _elsewhere(pid: int, name: str) -> UnfitEnvironment:
    return UnfitEnvironment(
        Reason.NO_DOCKER,
        f"process {pid} of container {name} cannot be seen from here: the daemon at "
        f"{daemon_url()} runs on another machine or in another pid namespace",
        remedy="run the gate on the daemon's own machine, in the host's pid namespace "
        "(docker run --pid=host when the job itself runs in a container)",
    )
