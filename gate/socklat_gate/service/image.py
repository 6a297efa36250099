"""Images: found locally or pulled, and pinned to their id."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

import docker
import docker.errors
import docker.utils

from socklat_gate.errors import Reason, UsageError
from socklat_gate.service.client import daemon_errors, daemon_message
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.patience import DAEMON_FAILURES
from socklat_gate.service.pull import pull_image

__all__ = ["ImageRef", "local_image", "resolve_image"]

log = logging.getLogger(__name__)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image as it was named and as it is.

    ``id`` is the local content id (``sha256:...``) that containers are created from; ``digest`` is
    the registry's ``repository@sha256:...``, empty for an image that was never in a registry;
    ``created`` when it was made, in RFC 3339, as far as the image says so; ``check`` is what its
    ``HEALTHCHECK`` runs, empty without one.
    """

    reference: str
    id: str
    digest: str
    created: str = field(default="", compare=False)
    check: tuple[str, ...] = field(default=(), compare=False)


def local_image(client: DockerClient, reference: str) -> ImageRef | None:
    """The local image called ``reference``, which may be an id; None when it is not here."""
    with daemon_errors(f"looking for image {reference}"):
        try:
            return _pin(client, reference)
        except (docker.errors.ImageNotFound, docker.errors.NullResource):
            return None


def resolve_image(
    client: DockerClient, reference: str, on_progress: Progress, *, always: bool = False
) -> ImageRef:
    """The local image called ``reference``, pulled first when it is missing, or ``always``.

    ``on_progress`` gets a line whenever a layer is done.  Raises `UsageError` (NO_SUCH_IMAGE) when
    the name is malformed, no registry has it, or the registry cannot be reached.
    """
    with daemon_errors(f"looking for image {reference}"):
        try:
            found = _pin(client, reference)
            # An id names what is here, and nothing that a registry could have in its place.
            if not always or found.id == reference:
                return found
            on_progress(f"pulling {reference}")
        except docker.errors.ImageNotFound:
            on_progress(f"pulling {reference}")
        except docker.errors.APIError as error:
            _refuse(reference, daemon_message(error))
    try:
        pull_image(client, reference, on_progress)
    except DAEMON_FAILURES as error:
        _refuse(reference, daemon_message(error), always=always)
    log.info("pulled %s", reference)
    with daemon_errors(f"looking for image {reference}"):
        return _pin(client, reference)


def _refuse(reference: str, why: str, *, always: bool = False) -> NoReturn:
    cannot = (
        'cannot be pulled anew, as baseline.pull = "always" asks'
        if always
        else "is neither here nor can it be pulled"
    )
    raise UsageError(
        Reason.NO_SUCH_IMAGE,
        f"image {reference!r} {cannot}: {why}",
        remedy="check the name and tag; build or load the image on this machine, or log in to its "
        "registry (docker login) and check that this machine can reach it",
    )


def _pin(client: DockerClient, reference: str) -> ImageRef:
    image = client.images.get(reference)
    repository, _ = docker.utils.parse_repository_tag(reference)
    digests: list[str] = image.attrs.get("RepoDigests") or []
    same = [digest for digest in digests if digest.split("@")[0] == repository]
    created = str(image.attrs.get("Created") or "")
    health = (image.attrs.get("Config") or {}).get("Healthcheck") or {}
    test = tuple(map(str, health.get("Test") or ()))
    check = () if test == ("NONE",) else test
    return ImageRef(reference, str(image.id), (same or digests or [""])[0], created, check)
