"""Images: found locally, pulled or built, and pinned to their id."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import docker
import docker.errors
import docker.utils
import requests

from socklat_gate.errors import Reason, UsageError
from socklat_gate.service.client import daemon_errors, daemon_message
from socklat_gate.service.docker_documents import BuildEvent
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.logs import clip

__all__ = ["ImageRef", "build_image", "local_image", "resolve_image"]

log = logging.getLogger(__name__)

BUILD_LINES = 15

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image as it was named and as it is.

    ``id`` is the local content id (``sha256:...``) that containers are created from; ``digest`` is
    the registry's ``repository@sha256:...``, empty for an image that was never in a registry.
    """

    reference: str
    id: str
    digest: str


def local_image(client: DockerClient, reference: str) -> ImageRef | None:
    """The local image called ``reference``, which may be an id; None when it is not here."""
    with daemon_errors(f"looking for image {reference}"):
        try:
            return _pin(client, reference)
        except (docker.errors.ImageNotFound, docker.errors.NullResource):
            return None


def resolve_image(client: DockerClient, reference: str, on_progress: Progress) -> ImageRef:
    """The local image called ``reference``, pulled first when it is missing.

    ``on_progress`` gets a line whenever a layer is done.  Raises `UsageError` (NO_SUCH_IMAGE) when
    the name is malformed, no registry has it, or the registry cannot be reached.
    """
    with daemon_errors(f"looking for image {reference}"):
        try:
            return _pin(client, reference)
        except docker.errors.ImageNotFound:
            on_progress(f"pulling {reference}")
        except docker.errors.APIError as error:
            _refuse(reference, daemon_message(error))
    _pull(client, reference, on_progress)
    log.info("pulled %s", reference)
    with daemon_errors(f"looking for image {reference}"):
        return _pin(client, reference)


def build_image(
    client: DockerClient, directory: Path, on_progress: Progress, *, name: str = ""
) -> ImageRef:
    """The image built from ``directory``'s Dockerfile, tagged by a hash of the directory's path.

    A ``name`` is hashed instead of a path that is another one each time, so that the next build
    takes the tag over.  ``on_progress`` gets the build's output line by line.  Raises
    `UsageError`: NO_SUCH_FILE when there is no Dockerfile, NO_SUCH_IMAGE with the last lines when
    the build fails.
    """
    directory = directory.resolve()
    if not (directory / "Dockerfile").is_file():
        raise UsageError(
            Reason.NO_SUCH_FILE,
            f"nothing to build: {directory} has no Dockerfile",
            remedy="point service.build at the directory with the Dockerfile, "
            "relative to the scenario",
        )
    tag = f"socklat-gate/build:{hashlib.sha256((name or str(directory)).encode()).hexdigest()[:16]}"
    last: deque[str] = deque(maxlen=BUILD_LINES)
    try:
        events = client.api.build(path=str(directory), tag=tag, rm=True, forcerm=True, decode=True)
        failure = _follow_build(events, last, on_progress)
    except docker.errors.APIError as error:
        failure = daemon_message(error)
    except OSError as error:
        # requests' errors are OSErrors too: those are the daemon's.
        if isinstance(error, requests.RequestException):
            with daemon_errors(f"building {directory}"):
                raise
        failure = f"the build context cannot be read: {error}"
    if failure:
        shown = clip("\n".join([*last, failure]).encode())
        raise UsageError(
            Reason.NO_SUCH_IMAGE,
            f"building {directory} failed:\n{shown}",
            remedy="make `docker build` succeed there; if it needs BuildKit, build the image "
            "before the gate and name it in service.image",
        )
    log.info("built %s as %s", directory, tag)
    with daemon_errors(f"looking for image {tag}"):
        return _pin(client, tag)


def _follow_build(events: Iterable[BuildEvent], last: deque[str], on_progress: Progress) -> str:
    """Report the output; returns the failure, empty when it succeeded."""
    for event in events:
        if "error" in event:
            return str(event["error"])
        for line in str(event.get("stream", "")).splitlines():
            if line.strip():
                last.append(line)
                on_progress(line)
    return ""


def _pull(client: DockerClient, reference: str, on_progress: Progress) -> None:
    repository, tag = docker.utils.parse_repository_tag(reference)
    layers: dict[str, bool] = {}
    shown = ""
    try:
        for event in client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
            if "error" in event:
                _refuse(reference, str(event["error"]))
            status, layer = str(event.get("status", "")), event.get("id")
            if layer and not status.startswith("Pulling from"):
                done = status in ("Pull complete", "Already exists")
                layers[layer] = layers.get(layer, False) or done
                line = f"pulling {reference}: {sum(layers.values())} of {len(layers)} layers"
                if done and line != shown:
                    shown = line
                    on_progress(line)
    except (docker.errors.DockerException, requests.RequestException) as error:
        _refuse(reference, daemon_message(error))


def _refuse(reference: str, why: str) -> NoReturn:
    raise UsageError(
        Reason.NO_SUCH_IMAGE,
        f"image {reference!r} is neither here nor can it be pulled: {why}",
        remedy="check the name and tag; build or load the image on this machine, or log in to its "
        "registry (docker login) and check that this machine can reach it",
    )


def _pin(client: DockerClient, reference: str) -> ImageRef:
    image = client.images.get(reference)
    repository, _ = docker.utils.parse_repository_tag(reference)
    digests: list[str] = image.attrs.get("RepoDigests") or []
    same = [digest for digest in digests if digest.split("@")[0] == repository]
    return ImageRef(reference, str(image.id), (same or digests or [""])[0])
