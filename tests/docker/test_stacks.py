"""Stacks as people have them: both arms come up, each alone with its own state."""

from __future__ import annotations

import http.client
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec, RunningArm
from socklat_gate.service.compose import FIRST_PLUGIN, _command
from socklat_gate.service.compose_files import stack_files
from socklat_gate.service.image import resolve_image
from socklat_gate.service.owner import RUN_LABEL
from socklat_gate.service.session import ServiceSession
from socklat_gate.service.stack_reading import read_enabled
from tests.services.stacks import SHAPES, STACKS, Shape, stack_variables

pytestmark = [pytest.mark.docker, pytest.mark.beside]

Up = Callable[..., "tuple[ServiceSession, tuple[RunningArm, ...]]"]


@pytest.fixture(scope="module")
def variables(docker_client: Any) -> dict[str, str]:
    return stack_variables(docker_client)


@pytest.fixture
def place(
    tmp_path: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Path]:
    """Copies a stack to where the test may change it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def copy(name: str) -> Path:
        return Path(shutil.copytree(STACKS / name, tmp_path / name))

    return copy


@pytest.fixture
def both_up(docker_client: Any) -> Iterator[Up]:
    """Starts both arms of a stack; in the end nothing of them may be left."""
    sessions: list[ServiceSession] = []

    def start(
        directory: Path, tested: str, port: int, *, arms: int = 2, **keys: Any
    ) -> tuple[ServiceSession, tuple[RunningArm, ...]]:
        document = {"compose": "compose.yaml", "service": tested, "port": port, **keys}
        service = Service.model_validate({"ready": {"http": "/"}, **document})
        assert service.compose is not None
        files = stack_files(service.compose, directory)
        named = read_enabled(files, tested).document["services"][tested]["image"]
        image = resolve_image(docker_client, named, print)
        session = ServiceSession(docker_client, service, directory)
        sessions.append(session)
        specs = [ArmSpec("candidate", image), ArmSpec("baseline", image)]
        return session, session.__enter__().start(specs[:arms])

    yield start
    api = docker_client.api
    for session in sessions:
        session.close()
        chosen = {"label": f"{RUN_LABEL}={session.run_id}"}
        assert api.containers(all=True, filters=chosen) == []
        assert api.networks(filters=chosen) == []
        assert not api.volumes(filters=chosen)["Volumes"]


def asked(arm: RunningArm) -> str:
    connection = http.client.HTTPConnection(arm.host, arm.port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def named(texts: list[str], key: str) -> set[str]:
    return {found for text in texts for found in re.findall(rf"{key}=(\S+)", text)}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_each_arm_is_alone_with_its_state(
    shape: Shape, place: Callable[[str], Path], both_up: Up
) -> None:
    directory = place(shape.name)
    before = contents(directory)
    _, arms = both_up(directory, shape.service, shape.port)
    said = [[asked(arm) for _ in range(8)] for arm in arms]
    for texts in said:
        assert all(part in text for text in texts for part in shape.says), texts
        assert len(named(texts, "db")) <= 1
        if shape.counts is not None:
            # Readiness has asked once or more; the other arm, or a start before, would be seen.
            first = min(int(count) for count in named(texts, "count"))
            assert shape.counts < first < shape.counts + 6
    for key in ("db", "count") if "db=" in shape.says else ("app",):
        if key != "count":
            assert not named(said[0], key) & named(said[1], key)
    assert contents(directory) == before


def test_one_that_fails_in_both_arms_is_alike_and_one_that_fails_later_is_named(
    place: Callable[[str], Path],
    both_up: Up,
    docker_client: Any,
) -> None:
    directory = place("source-mounted")
    path = directory / "compose.yaml"
    helper = "  helper:\n    image: ${TIER}\n    environment: { ROLE: none }\n  db:\n"
    path.write_text(path.read_text().replace("  db:\n", helper))
    session, arms = both_up(directory, "backend", 8080)
    assert [one.name for arm in arms for one in arm.companions] == ["db", "db"]
    session.check_alive()
    chosen = {"label": [f"{RUN_LABEL}={session.run_id}", "com.docker.compose.service=db"]}
    (db, _) = docker_client.api.containers(filters=chosen)
    docker_client.api.kill(db["Id"])
    docker_client.api.wait(db["Id"])
    with pytest.raises(InvalidMeasurement, match="db, in the stack of the") as raised:
        session.check_alive()
    assert "code 137" in raised.value.message


INCLUDING = """
include: ["data/compose.yaml"]
services:
  web:
    image: ${TIER}
    environment: { ROLE: app, DB_HOST: db }
    depends_on: [db]
"""
INCLUDED = """
services:
  db:
    image: ${TIER}
    environment: { ROLE: db, DATA: /data, WAIT: "${DB_WAIT}" }
    volumes: ["./kept:/data"]
"""


@pytest.mark.slow
def test_an_included_file_has_its_own_directory_and_variables(
    tmp_path: Path,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    both_up: Up,
    docker_client: Any,
) -> None:
    if _command().version < FIRST_PLUGIN:
        pytest.skip("docker-compose 1 has no `include`; ci/compose fetches version 2")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "compose.yaml").write_text(INCLUDING)
    kept = tmp_path / "data" / "kept"
    kept.mkdir(parents=True)
    (kept / "count").write_text("41")
    (tmp_path / "data" / "compose.yaml").write_text(INCLUDED)
    (tmp_path / "data" / ".env").write_text("DB_WAIT=0.1\n")
    before = contents(tmp_path)
    _, arms = both_up(tmp_path, "web", 8080)
    said = [[asked(arm) for _ in range(3)] for arm in arms]
    assert not named(said[0], "db") & named(said[1], "db")
    for texts in said:
        assert 41 < min(map(int, named(texts, "count"))) < 50
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_what_does_not_come_up_is_named_with_its_state(
    place: Callable[[str], Path], both_up: Up
) -> None:
    directory = place("proxy-app-db")
    path = directory / "compose.yaml"
    path.write_text(path.read_text().replace('"health"]', '"no-such-word"]'))
    path.write_text(path.read_text().replace("retries: 10", "retries: 1").replace("10s", "0s"))
    with pytest.raises(InvalidMeasurement) as raised:
        both_up(directory, "proxy", 80, arms=1)
    assert raised.value.reason is Reason.SERVICE_DIED
    assert "db fails its health check" in raised.value.message


@pytest.mark.slow
def test_what_a_stack_misses_of_an_external_network_is_named(
    place: Callable[[str], Path], both_up: Up
) -> None:
    directory = place("own-subnet")
    path = directory / "compose.yaml"
    lacking = "DB_HOST: outside.invalid, MUST: '1'"
    path.write_text(path.read_text().replace("DB_HOST: db", lacking))
    with pytest.raises(InvalidMeasurement) as raised:
        both_up(directory, "api", 8080, arms=1)
    assert raised.value.reason is Reason.SERVICE_DIED
    assert "networks.proxy: each arm has a network of its own" in raised.value.message
    assert "cannot reach outside.invalid" in raised.value.log
