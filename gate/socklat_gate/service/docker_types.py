"""What is used of Docker's SDK, which has no types of its own; and of the daemon's documents.

Documents have the names of the Engine API; a key that is declared may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypedDict

__all__ = [
    "BuildEvent",
    "Container",
    "ContainerDetails",
    "ContainerState",
    "ContainerSummary",
    "DockerApi",
    "DockerClient",
    "DockerObject",
    "Image",
    "ImageConfig",
    "ImageDetails",
    "VolumeList",
]


class ContainerState(TypedDict, total=False):
    """``State`` of an inspected container."""

    Pid: int
    Running: bool
    ExitCode: int
    OOMKilled: bool
    Error: str


class NetworkEndpoint(TypedDict, total=False):
    """A container on a network."""

    IPAddress: str


class NetworkSettings(TypedDict, total=False):
    """Endpoints by the network's name."""

    Networks: dict[str, NetworkEndpoint]


class ContainerDetails(TypedDict):
    """An inspected container."""

    State: ContainerState
    NetworkSettings: NetworkSettings


class DockerObject(TypedDict, total=False):
    """A container, network or volume in a list; a volume's name is its id."""

    Id: str
    Name: str
    Names: list[str]
    Labels: dict[str, str] | None


class ContainerSummary(DockerObject, total=False):
    """A container in a list."""

    NetworkSettings: NetworkSettings


class VolumeList(TypedDict, total=False):
    """What listing volumes returns."""

    Volumes: list[DockerObject] | None


class ImageConfig(TypedDict, total=False):
    """What an image declares."""

    ExposedPorts: dict[str, object] | None
    Healthcheck: Mapping[str, object] | None


class ImageDetails(TypedDict, total=False):
    """An inspected image."""

    Config: ImageConfig | None


class BuildEvent(TypedDict, total=False):
    """A line of what a build or a pull reports."""

    id: str
    status: str
    stream: str
    error: str


class Container(Protocol):
    """A container that was created."""

    id: str


class Image(Protocol):
    """A local image; ``attrs`` has ``RepoDigests``."""

    id: str
    attrs: Mapping[str, list[str] | None]


class Containers(Protocol):
    """``client.containers``."""

    def create(
        self, *, name: str, network: str, labels: Mapping[str, str], **options: object
    ) -> Container:
        """Creates a container that is not started."""


class Images(Protocol):
    """``client.images``."""

    def get(self, name: str) -> Image:
        """The local image of that name or id."""


class DockerApi(Protocol):
    """``client.api``: one method a request."""

    timeout: float

    def build(
        self, *, path: str, tag: str, rm: bool, forcerm: bool, decode: bool
    ) -> Iterable[BuildEvent]:
        """Builds with the classic builder."""

    def pull(
        self, repository: str, *, tag: str, stream: bool, decode: bool
    ) -> Iterable[BuildEvent]:
        """Pulls an image."""

    def inspect_image(self, image: str) -> ImageDetails:
        """All about an image."""

    def containers(
        self,
        *,
        all: bool,  # noqa: A002 - the SDK's name
        filters: Mapping[str, str],
    ) -> list[ContainerSummary]:
        """Lists containers."""

    def inspect_container(self, container: str) -> ContainerDetails:
        """All about a container."""

    def start(self, container: str) -> None:
        """Starts a container."""

    def logs(
        self,
        container: str,
        *,
        stdout: bool = True,
        stderr: bool = True,
        tail: int | str = "all",
        since: float | None = None,
    ) -> bytes:
        """What a container has logged."""

    def remove_container(self, container: str, *, v: bool, force: bool) -> None:
        """Removes a container, with its anonymous volumes if ``v``."""

    def networks(self, *, filters: Mapping[str, str]) -> list[DockerObject]:
        """Lists networks."""

    def create_network(self, name: str, *, driver: str, labels: Mapping[str, str]) -> object:
        """Creates a network."""

    def remove_network(self, net_id: str, /) -> None:
        """Removes a network."""

    def volumes(self, *, filters: Mapping[str, str]) -> VolumeList:
        """Lists volumes."""

    def remove_volume(self, name: str, /) -> None:
        """Removes a volume."""


class DockerClient(Protocol):
    """A connection to the daemon."""

    @property
    def api(self) -> DockerApi:
        """Its requests."""

    @property
    def containers(self) -> Containers:
        """Containers as objects."""

    @property
    def images(self) -> Images:
        """Images as objects."""

    def ping(self) -> bool:
        """Whether the daemon responds."""

    def info(self) -> Mapping[str, list[str] | None]:
        """About the daemon; ``SecurityOptions`` among it."""

    def version(self) -> Mapping[str, object]:
        """Versions of the daemon and its parts."""

    def close(self) -> None:
        """Closes the connection."""
