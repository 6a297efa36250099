"""What is used of Docker's SDK, which has no types of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, Protocol

from requests.adapters import BaseAdapter

from socklat_gate.service.docker_documents import (
    BuildEvent,
    ContainerDetails,
    ContainerSummary,
    DaemonInfo,
    DockerEvent,
    ExecState,
    ImageDetails,
    ImageSummary,
    NetworkObject,
    VolumeList,
)

if TYPE_CHECKING:
    import requests

__all__ = ["Container", "DockerApi", "DockerClient", "Image"]


class Container(Protocol):
    """A container that was created."""

    id: str


class Image(Protocol):
    """A local image; ``attrs`` has ``RepoDigests`` and ``Created``."""

    id: str
    attrs: Mapping[str, Any]


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
    """``client.api``: one method a request, and a session of requests."""

    timeout: float
    base_url: str
    api_version: str

    def mount(self, prefix: str, adapter: BaseAdapter) -> None:
        """Sends what begins with ``prefix`` by this adapter."""

    def get_adapter(self, url: str) -> BaseAdapter:
        """The adapter in use."""

    def build(
        self,
        *,
        path: str,
        dockerfile: str,
        target: str | None,
        platform: str | None,
        buildargs: Mapping[str, str],
        tag: str,
        rm: bool,
        forcerm: bool,
        decode: bool,
    ) -> Iterable[BuildEvent]:
        """Builds with the classic builder."""

    def post(
        self,
        url: str,
        *,
        data: IO[bytes],
        params: Mapping[str, str],
        headers: Mapping[str, str],
        stream: bool,
    ) -> requests.Response:
        """A request as it is given, without a time limit."""

    def images(self, name: str) -> list[ImageSummary]:
        """Lists the images of a repository."""

    def tag(self, image: str, repository: str, tag: str) -> bool:
        """Gives an image a name."""

    def remove_image(self, image: str) -> object:
        """Takes a name away, and removes the image with its last one."""

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

    def exec_create(self, container: str, cmd: list[str]) -> Mapping[str, str]:
        """A command in a running container, not started yet; ``Id`` is its id."""

    def exec_start(self, exec_id: str, *, detach: bool) -> object:
        """Starts it; returns at once with ``detach``."""

    def exec_inspect(self, exec_id: str) -> ExecState:
        """How it is."""

    def remove_container(self, container: str, *, v: bool, force: bool) -> None:
        """Removes a container, with its anonymous volumes if ``v``."""

    def events(
        self, *, since: int, until: int, filters: Mapping[str, str], decode: bool
    ) -> Iterable[DockerEvent]:
        """What happened between two moments."""

    def networks(self, *, filters: Mapping[str, str]) -> list[NetworkObject]:
        """Lists networks."""

    def create_network(
        self,
        name: str,
        *,
        driver: str,
        labels: Mapping[str, str],
        check_duplicate: bool,
        **options: object,
    ) -> object:
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

    def info(self) -> DaemonInfo:
        """About the daemon."""

    def version(self) -> Mapping[str, object]:
        """Versions of the daemon and its parts."""

    def close(self) -> None:
        """Closes the connection."""
