"""Containers of stacks that live, and whose health checks say that they do not work."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import docker.errors

from socklat_gate.service.client import daemon_errors
from socklat_gate.service.docker_types import DockerClient

__all__ = ["unhealthy"]

RECOVERS_WITHIN_S = 2.0
"""A check that the load held up succeeds again after it."""

PAUSE_S = 0.2


def unhealthy(
    client: DockerClient, stacks: Mapping[str, Sequence[tuple[str, str]]]
) -> Mapping[str, Sequence[str]]:
    """By stack: which of its containers, of name and container id, are unhealthy and stay so.

    What is unhealthy in all of the stacks is not waited for.
    """
    until_s = time.monotonic() + RECOVERS_WITHIN_S
    while True:
        found = {
            stack: {
                name for name, container_id in containers if _is_bad(client, name, container_id)
            }
            for stack, containers in stacks.items()
        }
        alike = len(found) > 1 and len(set(map(frozenset, found.values()))) == 1
        if alike or not any(found.values()) or time.monotonic() > until_s:
            break
        time.sleep(PAUSE_S)
    return {
        stack: [f"{name} is unhealthy by its health check" for name in sorted(names)]
        for stack, names in found.items()
        if names
    }


def _is_bad(client: DockerClient, name: str, container_id: str) -> bool:
    with daemon_errors(f"inspecting container {name}"):
        try:
            state = client.api.inspect_container(container_id)["State"]
        except docker.errors.NotFound:  # removed, which others notice
            return False
    return (state.get("Health") or {}).get("Status") == "unhealthy"
