"""Remove what earlier runs left behind when they were killed before they could clean up."""

from __future__ import annotations

from collections.abc import Sequence

from socklat_gate.service.client import daemon_errors
from socklat_gate.service.docker_documents import DockerObject
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.owner import RUN_LABEL, is_dead
from socklat_gate.service.remove import remove_containers, remove_networks, remove_volumes

__all__ = ["sweep"]


def sweep(client: DockerClient) -> list[str]:
    """Remove containers, volumes and networks whose owner is certainly dead.

    Those of another run that is alive, or whose fate cannot be known from here, stay.  Returns
    the names of what was removed.  Raises `UnfitEnvironment` (NO_DOCKER) when nothing can be
    listed.
    """
    ours = {"label": RUN_LABEL}
    with daemon_errors("listing what earlier runs left behind"):
        containers = _orphans(client.api.containers(all=True, filters=ours))
        networks = _orphans(client.api.networks(filters=ours))
        volumes = _orphans(client.api.volumes(filters=ours).get("Volumes") or [])
    gone = [containers[item] for item in remove_containers(client, containers)]
    gone += [volumes[item] for item in remove_volumes(client, volumes)]
    return gone + [networks[item] for item in remove_networks(client, networks)]


def _orphans(found: Sequence[DockerObject]) -> dict[str, str]:
    """Id -> name of the objects with a dead owner; a volume's name is its id."""
    return {
        item.get("Id") or item["Name"]: _name(item)
        for item in found
        if is_dead(item.get("Labels") or {})
    }


def _name(item: DockerObject) -> str:
    names = item.get("Names") or [item.get("Name") or item["Id"]]
    return str(names[0]).removeprefix("/")
