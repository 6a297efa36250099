"""The containers that compose has started for one project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from socklat_gate.service.arm_launcher import PlacedContainer
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.death import start_error
from socklat_gate.service.docker_documents import ContainerSummary
from socklat_gate.service.docker_types import DockerClient

__all__ = ["find_tested", "project_containers"]

PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"
"""Labels that compose gives its containers."""


def project_containers(client: DockerClient, project: str) -> list[tuple[str, ContainerSummary]]:
    """Service and container of each, running or not, by the service's name."""
    chosen = {"label": f"{PROJECT}={project}"}
    with daemon_errors(f"looking for the containers of project {project}"):
        found = client.api.containers(all=True, filters=chosen)
    named = (((item["Labels"] or {}).get(SERVICE, ""), item) for item in found)
    return sorted(named, key=lambda pair: (pair[0], pair[1]["Names"]))


def find_tested(client: DockerClient, project: str, tested: str) -> PlacedContainer:
    """The container of the service under test, and the others beside it.

    Raises `InvalidMeasurement` (SERVICE_DIED) when compose has made none.
    """
    found = project_containers(client, project)
    item = next((item for service, item in found if service == tested), None)
    if item is None:
        raise start_error(project, f"compose started no container of {tested!r}")
    # One in another's network namespace has no address of its own.
    mode, _, owner = item.get("HostConfig", {}).get("NetworkMode", "").partition(":")
    others = [(service, one) for service, one in found if one["Id"] != item["Id"]]
    addressed = item
    if mode == "container":
        addressed = next((one for _, one in others if one["Id"] == owner), item)
    networks = addressed.get("NetworkSettings", {}).get("Networks") or {}
    with daemon_errors(f"inspecting container {item['Names'][0]}"):
        host_config = client.api.inspect_container(item["Id"]).get("HostConfig") or {}
    policy = host_config.get("RestartPolicy") or {}
    return PlacedContainer(
        item["Id"],
        item["Names"][0].removeprefix("/"),
        next(iter(networks), ""),
        companions=tuple(_numbered(others)),
        address_of=owner if mode == "container" else "",
        may_restart=policy.get("Name", "no") not in ("", "no"),
    )


def _numbered(found: Sequence[tuple[str, ContainerSummary]]) -> Iterator[tuple[str, str]]:
    """Service and id of each; a further container of a service has a number behind its name."""
    seen: Counter[str] = Counter()
    for service, item in found:
        seen[service] += 1
        yield service if seen[service] == 1 else f"{service}-{seen[service]}", item["Id"]
