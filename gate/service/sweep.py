"""Remove what earlier runs left behind when they were killed without a chance to clean up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import docker

from gate.service.client import daemon_errors
from gate.service.owner import RUN_LABEL, is_dead
from gate.service.remove import remove_containers, remove_networks

__all__ = ["sweep"]


def sweep(client: docker.DockerClient) -> list[str]:
    """Remove containers (with anonymous volumes) and networks whose owner is certainly dead.

    Those of another run that is alive, or whose fate cannot be known from here, stay.  Returns
    the names of what was removed.  Raises `UnfitEnvironment` (NO_DOCKER) when nothing can be
    listed.
    """
    ours = {"label": RUN_LABEL}
    with daemon_errors("listing what earlier runs left behind"):
        containers = _orphans(client.api.containers(all=True, filters=ours))
        networks = _orphans(client.api.networks(filters=ours))
    gone = [containers[item] for item in remove_containers(client, containers)]
    return gone + [networks[item] for item in remove_networks(client, networks)]


def _orphans(found: list[Mapping[str, Any]]) -> dict[str, str]:
    """Id -> name of the objects with a dead owner."""
    return {item["Id"]: _name(item) for item in found if is_dead(item.get("Labels") or {})}


def _name(item: Mapping[str, Any]) -> str:
    names = item.get("Names") or [item.get("Name") or item["Id"]]
    return str(names[0]).removeprefix("/")
