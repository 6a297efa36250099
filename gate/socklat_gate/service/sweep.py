"""Remove what earlier runs left behind when they were killed before they could clean up."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import datetime

from socklat_gate.service.client import daemon_errors
from socklat_gate.service.docker_documents import DockerObject
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.owner import RUN_LABEL, Fate, fate_of
from socklat_gate.service.remove import remove_containers, remove_networks, remove_volumes

__all__ = ["sweep"]

LONGEST_S = 24 * 3600.0
"""No job lasts longer, wherever its process is."""

ENDPOINTS_WITHIN_S = 2.0
"""No job waits longer at its start for a network of an earlier one."""

AT_REST = ("created", "exited", "dead")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")


def sweep(client: DockerClient) -> list[str]:
    """Remove containers, volumes and networks whose owner is dead.

    Those of another run that is alive stay, and so do those whose owner's fate cannot be known from
    here (another PID namespace, another machine) until they are a day old.  After a reboot of this
    machine nothing runs that was there before, so what is at rest and older than the boot goes.
    Returns the names of what was removed.  Raises `UnfitEnvironment` (NO_DOCKER) when nothing can
    be listed.
    """
    ours = {"label": RUN_LABEL}
    with daemon_errors("listing what earlier runs left behind"):
        every = client.api.containers(all=True, filters=ours)
        networks = client.api.networks(filters=ours)
        volumes = client.api.volumes(filters=ours).get("Volumes") or []
    containers = _orphans([one for one in every if _is_left(one, _is_at_rest(one))])
    used = {_labels(one)[RUN_LABEL] for one in every if one["Id"] not in containers}
    left_networks, left_volumes = (
        _orphans([one for one in found if _is_left(one, _labels(one)[RUN_LABEL] not in used)])
        for found in (networks, volumes)
    )
    gone = [containers[item] for item in remove_containers(client, containers)]
    gone += [left_volumes[item] for item in remove_volumes(client, left_volumes)]
    # Of some the daemon says for ever that they have endpoints, which it does not list.
    left = remove_networks(client, left_networks, within_s=ENDPOINTS_WITHIN_S)
    return gone + [left_networks[item] for item in left]


def _is_left(item: DockerObject, at_rest: bool) -> bool:
    """Whether its owner is dead; ``at_rest``: nobody uses it at the moment."""
    fate = fate_of(_labels(item))
    if fate not in (Fate.OTHER_BOOT, Fate.OTHER_NAMESPACE):
        return fate is Fate.DEAD
    made_s, now_s = _made_s(item), time.time()
    if now_s - made_s > LONGEST_S:
        return True
    booted_s = now_s - time.clock_gettime(time.CLOCK_BOOTTIME)
    return fate is Fate.OTHER_BOOT and at_rest and made_s < booted_s


def _is_at_rest(container: DockerObject) -> bool:
    return container.get("State") in AT_REST


def _made_s(item: DockerObject) -> float:
    """When it was made, in seconds since the epoch; now where the daemon does not say."""
    made = item.get("Created") or item.get("CreatedAt")
    if isinstance(made, int):
        return float(made)
    found = _MOMENT.fullmatch(str(made))
    if not found:
        return time.time()
    return datetime.fromisoformat(f"{found[1]}{found[2].replace('Z', '+00:00')}").timestamp()


def _labels(item: DockerObject) -> dict[str, str]:
    return item.get("Labels") or {}


def _orphans(found: Sequence[DockerObject]) -> dict[str, str]:
    """Id -> name; a volume's name is its id."""
    return {item.get("Id") or item["Name"]: _name(item) for item in found}


def _name(item: DockerObject) -> str:
    names = item.get("Names") or [item.get("Name") or item["Id"]]
    return str(names[0]).removeprefix("/")
