"""Remove containers and networks for certain: in parallel, tolerant of failures and of rivals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

import docker
import docker.errors
import requests

from socklat_gate.interrupt import signal_received
from socklat_gate.service.backoff import attempts
from socklat_gate.service.call_thread import at_once
from socklat_gate.service.client import daemon_message, hurry
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.owner import RUN_LABEL

__all__ = ["remove_containers", "remove_networks", "remove_run", "remove_volumes"]

GIVE_UP_S = 10.0
HURRY_S = 3.0
"""After a signal, whose sender kills this process some seconds later."""
FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 1.0
SHORT_ID = 12
_FAILURES = (docker.errors.DockerException, requests.RequestException)

log = logging.getLogger(__name__)


def remove_containers(client: DockerClient, ids: Iterable[str]) -> list[str]:
    """Kill and remove containers with their anonymous volumes; returns the ids that are gone.

    Each is tried for up to 10 s; one that is gone already, or that somebody else is removing,
    counts as removed once it is gone.  What is left over is logged, never raised.
    """
    return _all_at_once(
        ids, "container", lambda name: client.api.remove_container(name, v=True, force=True)
    )


def remove_networks(
    client: DockerClient, ids: Iterable[str], *, within_s: float | None = None
) -> list[str]:
    """Remove networks, waiting for their last endpoints (10 s by default); returns the ids gone."""
    return _all_at_once(ids, "network", client.api.remove_network, within_s)


def remove_volumes(client: DockerClient, names: Iterable[str]) -> list[str]:
    """Remove named volumes, which stacks have; returns the names gone."""
    return _all_at_once(names, "volume", client.api.remove_volume)


def remove_run(client: DockerClient, run: str, *, networks: bool) -> None:
    """Remove every container and volume labelled with this run id, and if ``networks`` those too.

    Goes by label, not by remembered ids: a call that was interrupted may have created something
    whose id never arrived.  Never raises for what the daemon does; leftovers are logged.
    """
    chosen = {"label": f"{RUN_LABEL}={run}"}
    try:
        found = client.api.containers(all=True, filters=chosen)
        remove_containers(client, [item["Id"] for item in found])
        volumes = client.api.volumes(filters=chosen).get("Volumes") or []
        remove_volumes(client, [item["Name"] for item in volumes])
        if networks:
            remove_networks(client, [item["Id"] for item in client.api.networks(filters=chosen)])
    except _FAILURES as error:
        hurry(client, silent=True)
        log.warning("could not list what run %s left behind: %s", run, daemon_message(error))


def _all_at_once(
    ids: Iterable[str],
    kind: str,
    remove: Callable[[str], object],
    within_s: float | None = None,
) -> list[str]:
    names = list(ids)
    if not names:
        return []
    patience_s = HURRY_S if signal_received() else GIVE_UP_S if within_s is None else within_s
    try:
        gone = at_once(lambda name: _persist(name, kind, remove, patience_s), names)
    except RuntimeError:  # no thread can be started: one after the other
        gone = [_persist(name, kind, remove, patience_s) for name in names]
    return [name for name, is_gone in zip(names, gone, strict=True) if is_gone]


def _persist(name: str, kind: str, remove: Callable[[str], object], patience_s: float) -> bool:
    """Tries until it is gone; whether it is."""
    try:
        for attempt in attempts(
            _FAILURES, patience_s, first_pause_s=FIRST_PAUSE_S, max_pause_s=MAX_PAUSE_S
        ):
            with attempt, suppress(docker.errors.NotFound):
                remove(name)
    except _FAILURES as error:
        log.warning("could not remove %s %s: %s", kind, name, daemon_message(error))
        return False
    log.info("removed %s %s", kind, name[:SHORT_ID])
    return True
