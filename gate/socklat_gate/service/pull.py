"""Pulling an image: again where a connection broke, since nothing can come of it twice."""

from __future__ import annotations

import re
from collections.abc import Callable

import docker.errors
import docker.utils

from socklat_gate.service.client import daemon_message
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.patience import is_passing, patiently

__all__ = ["RegistryError", "pull_image"]

_BROKEN = re.compile(
    r"connection reset|broken pipe|\beof\b|tls handshake timeout|use of closed network connection"
    r"|unexpected http status: 5\d\d",
    re.IGNORECASE,
)
"""In what a daemon says of a registry that it had reached."""


class RegistryError(docker.errors.DockerException):  # type: ignore[misc]
    """What a daemon says, within a response that began well, of why it has no image."""


def pull_image(client: DockerClient, reference: str, on_progress: Callable[[str], None]) -> None:
    """Pulls ``reference``, which the daemon has then; ``on_progress`` gets a line a layer.

    A connection that breaks, to the daemon or from there to the registry, is made again: layers
    that have come stay.  Raises one of `DAEMON_FAILURES`.
    """
    patiently(lambda: _pull_once(client, reference, on_progress), _may_pass)


def _pull_once(client: DockerClient, reference: str, on_progress: Callable[[str], None]) -> None:
    repository, tag = docker.utils.parse_repository_tag(reference)
    layers: dict[str, bool] = {}
    shown = ""
    for event in client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
        if "error" in event:
            raise RegistryError(str(event["error"]))
        status, layer = str(event.get("status", "")), event.get("id")
        if layer and not status.startswith("Pulling from"):
            done = status in ("Pull complete", "Already exists")
            layers[layer] = layers.get(layer, False) or done
            line = f"pulling {reference}: {sum(layers.values())} of {len(layers)} layers"
            if done and line != shown:
                shown = line
                on_progress(line)


def _may_pass(error: Exception) -> bool:
    """What a registry responds stays, and so does one that cannot be reached at all."""
    if isinstance(error, RegistryError | docker.errors.APIError):
        return bool(_BROKEN.search(daemon_message(error)))
    return is_passing(error)
