from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.service.client import connect
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG, ECHO_TAG, write_scenario
from tests.e2e.traced import ANSWERS, PORT, Container
from tests.services.build import build_image, package_image


@pytest.fixture(scope="session")
def docker_client() -> Iterator[Any]:
    client = connect()
    build_image(client, "delay.c", DELAY_TAG, ["/delay"])
    build_image(client, "echo.c", ECHO_TAG, ["/echo"])
    yield client
    client.close()


@pytest.fixture(scope="session")
def redis_image(docker_client: Any) -> str:
    return package_image(docker_client, "redis")


@pytest.fixture(scope="session")
def nginx_image(docker_client: Any) -> str:
    return package_image(docker_client, "nginx")


@pytest.fixture
def gate(docker_client: Any, tmp_path: Path) -> Iterator[Gate]:
    """Commands in the test's own directory; whatever they did, nothing may be left of them."""
    runner = Gate(tmp_path, docker_client)
    yield runner
    left = runner.left_behind()
    runner.close()
    assert left == []


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[..., Path]:
    """Writes ``socklat.toml`` from tables given by name."""

    def write(**tables: dict[str, Any]) -> Path:
        return write_scenario(tmp_path / "socklat.toml", tables)

    return write


@pytest.fixture
def start(docker_client: Any) -> Iterator[Callable[..., Container]]:
    """Starts containers that answer, by options of the Docker SDK; ``port`` is where."""
    started: list[Container] = []

    def run(**options: Any) -> Container:
        name = f"socklat-e2e-trace-{os.getpid()}-{len(started)}"
        command = ["/delay", "--port", str(options.pop("port", PORT)), *ANSWERS]
        started.append(Container(docker_client, name, command, **options))
        return started[-1]

    yield run
    for container in started:
        container.remove()


@pytest.fixture
def service(start: Callable[..., Container]) -> Container:
    return start()
