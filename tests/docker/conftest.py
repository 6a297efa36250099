from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.scenario import Service
from socklat_gate.service.client import connect
from socklat_gate.service.image import ImageRef, resolve_image
from socklat_gate.service.owner import RUN_LABEL
from socklat_gate.service.session import ServiceSession
from tests.services.build import build_echo
from tests.services.own_images import OwnImages, owned_images

PORT = 7000


@pytest.fixture(scope="session")
def docker_client() -> Iterator[Any]:
    client = connect()
    yield client
    client.close()


@pytest.fixture(scope="session")
def echo(docker_client: Any) -> ImageRef:
    """The echo server's image; it listens on port 7000."""
    return resolve_image(docker_client, build_echo(docker_client), lambda line: None)


@pytest.fixture
def own_images(docker_client: Any) -> Iterator[OwnImages]:
    """What the test builds of these is no other test's, and removed when it ends."""
    with owned_images(docker_client) as own:
        yield own


@pytest.fixture
def open_session(docker_client: Any, tmp_path: Path) -> Iterator[Callable[..., ServiceSession]]:
    """Make sessions, not yet entered, from keywords of `Service`; closed when the test ends."""
    sessions: list[ServiceSession] = []

    def make(**keywords: Any) -> ServiceSession:
        service = Service.model_validate({"port": PORT, **keywords})
        sessions.append(ServiceSession(docker_client, service, tmp_path))
        return sessions[-1]

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def left_behind(docker_client: Any) -> Callable[[str], list[str]]:
    """Names of the containers and networks that carry a run id."""

    def find(run_id: str) -> list[str]:
        chosen = {"label": f"{RUN_LABEL}={run_id}"}
        containers = docker_client.api.containers(all=True, filters=chosen)
        networks = docker_client.api.networks(filters=chosen)
        return [item["Names"][0] for item in containers] + [item["Name"] for item in networks]

    return find
