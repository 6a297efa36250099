"""A gate of a whole stack: two projects side by side, nothing left of either."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gate.baseline.files import read_result
from gate.errors import Exit, Reason
from gate.scenario_file import load_scenario
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG, ECHO_TAG

pytestmark = [pytest.mark.kernel, pytest.mark.docker]

BASE = ["/delay", "--before-answer", "3000"]
COMPOSE = f"""
version: "3.8"
services:
  api:
    image: {DELAY_TAG}
    command: ["/delay", "--before-answer", "3000"]
    container_name: only-one-can-have-this
    ports: ["127.0.0.1:17999:7000"]
    environment: {{ PRICE: "5$$" }}
    depends_on: [helper]
  helper:
    image: {ECHO_TAG}
    volumes: ["data:/data"]
volumes:
  data: {{}}
"""


@pytest.fixture
def stack(gate: Gate, scenario: Callable[..., Path]) -> Callable[..., Path]:
    (gate.directory / "compose.yml").write_text(COMPOSE)

    def write(**service: Any) -> Path:
        tables = {"image": None, "command": None, "compose": "compose.yml", "service": "api"}
        return scenario(service={**tables, **service})

    return write


def volumes(client: Any) -> list[str]:
    found = client.api.volumes(filters={"label": "dev.socklat-gate.run"})["Volumes"] or []
    return [item["Name"] for item in found]


def test_a_stack_against_itself_passes(
    gate: Gate, stack: Callable[..., Path], docker_client: Any
) -> None:
    done = gate.gate(stack())
    done.judged(Exit.PASS, Reason.NO_REGRESSION)
    result = read_result(gate.out / "result.json")
    assert result.candidate_image == DELAY_TAG
    assert volumes(docker_client) == []


def test_a_slower_service_of_the_stack_fails(gate: Gate, stack: Callable[..., Path]) -> None:
    path = stack(command=["/delay", "--before-answer", "4500"])
    text = path.read_text()
    path.write_text(text.replace("[[gate", f"[baseline]\ncommand = {BASE!r}\n[[gate", 1))
    done = gate.gate(path)
    done.judged(Exit.REGRESSION, Reason.REGRESSION)


def test_an_unknown_service_is_named(gate: Gate, stack: Callable[..., Path]) -> None:
    said = gate.gate(stack(service="apy")).refused(Exit.USAGE, Reason.BAD_SCENARIO)
    assert "it has api, helper" in said


def test_a_file_that_compose_refuses_is_told_in_its_words(
    gate: Gate, stack: Callable[..., Path]
) -> None:
    path = stack()
    (gate.directory / "compose.yml").write_text("services: [1]\n")
    said = gate.gate(path).refused(Exit.USAGE, Reason.BAD_SCENARIO)
    assert "compose refuses" in said
    (gate.directory / "compose.yml").unlink()
    gate.gate(path).refused(Exit.USAGE, Reason.NO_SUCH_FILE)


def test_init_of_a_stack(gate: Gate, stack: Callable[..., Path]) -> None:
    stack().unlink()
    said = gate.run("init", "compose.yml", out=False).refused(Exit.USAGE, Reason.BAD_ARGUMENT)
    assert "api, helper" in said
    done = gate.run("init", "--service", "api", out=False)
    assert done.code == 0, done.stderr
    written = load_scenario(gate.directory / "socklat.toml").service
    assert (written.compose, written.service, written.port) == ("compose.yml", "api", 7000)
