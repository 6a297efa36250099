from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.service.client import connect
from tests.e2e.harness import Gate
from tests.e2e.programs import compiled_once
from tests.e2e.scenarios import DELAY_TAG, ECHO_TAG, write_scenario
from tests.e2e.traced import PORT, RESPONSES, Container
from tests.services.build import build_image, package_image
from tests.services.own_images import OwnImages, owned_images

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def _programs() -> Iterator[None]:
    with compiled_once():
        yield


@pytest.fixture(scope="session")
def runner_temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's directory where the action has installed itself, once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    path = base / "runner-temp"
    path.mkdir(exist_ok=True)
    with (base / "runner-temp.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [str(ROOT / "ci" / "github" / "setup")],
            env={
                **os.environ,
                "SOURCE": str(ROOT),
                "RUNNER_TEMP": str(path),
                "GITHUB_OUTPUT": os.devnull,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return path


@pytest.fixture(scope="session")
def installed(runner_temp: Path) -> Path:
    """Directory of the commands of that installation: a wheel and what it declares, no more."""
    (path,) = runner_temp.glob("socklat-gate-*/bin")
    return path


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
def own_images(docker_client: Any) -> Iterator[OwnImages]:
    """What the test builds of these is no other test's, and removed when it ends."""
    with owned_images(docker_client) as own:
        yield own


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
    """Starts containers that respond, by options of the Docker SDK; ``port`` is where."""
    started: list[Container] = []

    def run(**options: Any) -> Container:
        name = f"socklat-e2e-trace-{os.getpid()}-{len(started)}"
        command = ["/delay", "--port", str(options.pop("port", PORT)), *RESPONSES]
        started.append(Container(docker_client, name, command, **options))
        return started[-1]

    yield run
    for container in started:
        container.remove()


@pytest.fixture
def mortal(start: Callable[..., Container]) -> Container:
    """A service that the test may kill."""
    return start()


@pytest.fixture(scope="module")
def service(docker_client: Any) -> Iterator[Container]:
    """A service that all tests of a module look at."""
    name = f"socklat-e2e-trace-{os.getpid()}-shared"
    started = Container(docker_client, name, ["/delay", "--port", str(PORT), *RESPONSES])
    yield started
    started.remove()
