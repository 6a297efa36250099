"""Why a stack did not come up: compose's words, and what its containers have come to."""

from __future__ import annotations

from collections.abc import Sequence

import docker.errors
import requests

from socklat_gate.errors import GateError, InvalidMeasurement, Reason, UnfitEnvironment, UsageError
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.logs import tail
from socklat_gate.service.stack_containers import project_containers

__all__ = ["companion_states", "up_error"]


def up_error(client: DockerClient, project: str, failed: str) -> GateError:
    """The error for a project that did not come up, with compose's own words in ``failed``."""
    lowered = failed.lower()
    if "pool overlaps" in lowered:
        return UsageError(
            Reason.BAD_SCENARIO,
            f"the subnet that the compose file fixes (networks: ipam) is taken: {failed}",
            remedy="remove the network that has it (docker network ls), or leave ipam out",
        )
    if "address pool" in lowered:
        return UnfitEnvironment(
            Reason.NO_DOCKER,
            f"Docker has no addresses left for another network: {failed}",
            remedy="remove networks that nobody uses (docker network prune), or add "
            "default-address-pools to the daemon's configuration",
        )
    if "external volume" in lowered or "declared as external" in lowered:
        return UsageError(
            Reason.BAD_SCENARIO,
            f"something is not there that the compose file declares as external: {failed}",
            remedy="create it, or leave `external` out in a further compose file",
        )
    error = InvalidMeasurement(
        Reason.SERVICE_DIED,
        f"the stack {project} did not come up: {failed}",
        remedy="the same files must come up with `docker compose up`",
    )
    try:
        found = [(name, item["Id"]) for name, item in project_containers(client, project)]
    except UnfitEnvironment:
        return error
    error.and_beside(companion_states(client, found))
    unwell = next((one for _, one in found if _how(client, one)), None)
    return error.with_log(tail(client, unwell)) if unwell else error


def companion_states(client: DockerClient, containers: Sequence[tuple[str, str]]) -> list[str]:
    """A line for each container, of name and id, that is not well: it failed, restarts, is ill."""
    return [f"{name} {how}" for name, one in containers if (how := _how(client, one))]


def _how(client: DockerClient, container_id: str) -> str:
    """Never raises for what the daemon does: another error is being described."""
    try:
        state = client.api.inspect_container(container_id)["State"]
    except (docker.errors.DockerException, requests.RequestException):
        return ""
    if state.get("Restarting"):
        return f"exits with code {state.get('ExitCode')} and is restarted again and again"
    if not state.get("Running") and state.get("ExitCode"):
        return f"exited with code {state.get('ExitCode')}"
    health = (state.get("Health") or {}).get("Status", "")
    ill = {"unhealthy": "fails its health check", "starting": "has not passed its health check yet"}
    return ill.get(health, "")
