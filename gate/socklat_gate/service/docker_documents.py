"""The documents of Docker's daemon as far as they are read, with the names of the Engine API.

A key that is declared may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

__all__ = [
    "BuildEvent",
    "ContainerDetails",
    "ContainerState",
    "ContainerSummary",
    "DaemonInfo",
    "DockerEvent",
    "DockerObject",
    "ExecState",
    "Healthcheck",
    "ImageConfig",
    "ImageDetails",
    "ImageSummary",
    "NetworkEndpoint",
    "NetworkObject",
    "RuntimeEntry",
    "VolumeList",
]


class ContainerHealth(TypedDict, total=False):
    """What a health check says: "starting", "healthy" or "unhealthy"."""

    Status: str


class ContainerState(TypedDict, total=False):
    """``State`` of an inspected container."""

    Pid: int
    Running: bool
    Restarting: bool
    ExitCode: int
    OOMKilled: bool
    Error: str
    Health: ContainerHealth | None


class NetworkEndpoint(TypedDict, total=False):
    """A container on a network; an address that it has none of is empty."""

    IPAddress: str
    GlobalIPv6Address: str


class NetworkSettings(TypedDict, total=False):
    """Endpoints by the network's name."""

    Networks: dict[str, NetworkEndpoint]


class Healthcheck(TypedDict, total=False):
    """The check of an image or a container; times in ns, 0 where the daemon's default holds."""

    Test: list[str] | None
    Timeout: int


class ContainerConfig(TypedDict, total=False):
    """What a container was made with, its image's part included; ``Env`` has NAME=VALUE."""

    Env: list[str] | None
    Healthcheck: Healthcheck | None
    Shell: list[str] | None
    Labels: dict[str, str] | None


class RestartPolicy(TypedDict, total=False):
    """When Docker starts a container again: "no", "on-failure", "always", "unless-stopped"."""

    Name: str


class HostConfig(TypedDict, total=False):
    """How a container is run; ``Runtime`` is a name of the daemon's."""

    NetworkMode: str
    RestartPolicy: RestartPolicy
    Runtime: str


class _ContainerDetails(TypedDict):
    Id: str
    State: ContainerState
    NetworkSettings: NetworkSettings
    Config: ContainerConfig


class ExecState(TypedDict, total=False):
    """A command in a container; ``Pid`` is its process as the daemon's machine counts."""

    Running: bool
    ExitCode: int | None
    Pid: int


class RuntimeEntry(TypedDict, total=False):
    """A runtime as the daemon is configured for it."""

    path: str
    runtimeType: str


class AddressPool(TypedDict):
    """Networks get subnets of ``Base`` whose prefix is ``Size`` bits long."""

    Base: str
    Size: int


class DaemonInfo(TypedDict, total=False):
    """About the daemon and the machine that it runs on; ``Rootless`` is Podman's."""

    Name: str
    KernelVersion: str
    OperatingSystem: str
    SecurityOptions: list[str] | None
    Rootless: bool
    DefaultRuntime: str
    Runtimes: dict[str, RuntimeEntry | None] | None
    DefaultAddressPools: list[AddressPool] | None


class ContainerDetails(_ContainerDetails, total=False):
    """An inspected container; ``Image`` is its image's id, ``Created`` a time by RFC 3339."""

    Image: str
    HostConfig: HostConfig
    RestartCount: int
    Created: str


class DockerObject(TypedDict, total=False):
    """A container, network or volume in a list; a volume's name is its id."""

    Id: str
    Name: str
    Names: list[str]
    Labels: dict[str, str] | None
    State: str
    Created: int | str
    CreatedAt: str


class Addresses(TypedDict, total=False):
    """A network's subnets."""

    Config: list[dict[str, str]] | None


class NetworkObject(DockerObject, total=False):
    """A network in a list."""

    IPAM: Addresses | None


class ContainerSummary(DockerObject, total=False):
    """A container in a list."""

    NetworkSettings: NetworkSettings
    HostConfig: HostConfig


class EventActor(TypedDict, total=False):
    """What an event happened to; ``Attributes`` has the ``exitCode`` of a container that ended."""

    Attributes: dict[str, str]


class DockerEvent(TypedDict, total=False):
    """Something that happened."""

    Actor: EventActor


class VolumeList(TypedDict, total=False):
    """What listing volumes returns."""

    Volumes: list[DockerObject] | None


class ImageConfig(TypedDict, total=False):
    """What an image declares."""

    ExposedPorts: dict[str, object] | None
    Healthcheck: Healthcheck | None
    Shell: list[str] | None


class ImageDetails(TypedDict, total=False):
    """An inspected image; ``Metadata`` has ``LastTagTime``."""

    Config: ImageConfig | None
    Metadata: Mapping[str, object] | None


class ImageSummary(TypedDict, total=False):
    """An image in a list."""

    RepoTags: list[str] | None


class BuildEvent(TypedDict, total=False):
    """A line of what a build or a pull reports."""

    id: str
    status: str
    stream: str
    error: str
    aux: object
