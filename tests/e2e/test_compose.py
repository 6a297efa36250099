"""A gate of a whole stack: two projects side by side, nothing left of either."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from socklat_gate.scenario.loader import load_scenario
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG, ECHO_TAG
from tests.services.build import build_image
from tests.unit.repositories import new_repository

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

BASE = ["/delay", "--before-response", "3000"]
COMPOSE = f"""
version: "3.8"
services:
  api:
    image: {DELAY_TAG}
    command: ["/delay", "--before-response", "3000"]
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


FRONT = """
daemon off;
user root;
worker_processes 1;
error_log stderr;
events { worker_connections 1024; }
http {
  access_log off;
  server { listen 8080; location / { proxy_pass http://back:8080; } }
}
"""
CONNECTIONS = 8
HTTP_TAG = "socklat-test/e2e-http:latest"
TWO_TIERS = """
version: "3.8"
services:
  front:
    image: {image}
    volumes: ["./front.conf:/etc/nginx/nginx.conf:ro"]
    depends_on: [back]
  back:
    image: {back}
    command: ["/http", "--delay", "3000"]
    volumes: ["data:/data"]
  migration:
    image: {ended}
    command: ["/delay", "--no-such-option"]
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


@pytest.mark.slow
def test_a_slower_service_of_the_stack_fails(gate: Gate, stack: Callable[..., Path]) -> None:
    path = stack(command=["/delay", "--before-response", "4500", "--ready-after", "2000"])
    text = path.read_text()
    path.write_text(text.replace("[[gate", f"[baseline]\ncommand = {BASE!r}\n[[gate", 1))
    done = gate.gate(path)
    done.judged(Exit.REGRESSION, Reason.REGRESSION)
    result = read_result(gate.out / "result.json")
    assert result.candidate_image == DELAY_TAG
    # From when Docker made its process: the helper and compose's own time are no part of it.
    assert all(2e9 <= pair.candidate.startup_ns < 8e9 for pair in result.pairs)
    # The fixture checks that nothing is left, the volume neither.


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


def two_tiers(directory: Path, image: str, back: str) -> Path:
    """A stack whose front mounts its configuration, and its scenario."""
    (directory / "front.conf").write_text(FRONT)
    text = TWO_TIERS.format(image=image, back=back, ended=DELAY_TAG)
    (directory / "compose.yml").write_text(text)
    path = directory / "socklat.toml"
    path.write_text(
        'name = "tiers"\n[service]\ncompose = "compose.yml"\nservice = "front"\nport = 8080\n'
        '[load]\ndriver = "http"\nrate = 300\nduration_s = 1\nwarmup_s = 0.2\n'
        f"connections = {CONNECTIONS}\nmax_lag_ms = 1000\nmax_late_ms = 1000\n"
        "[gate]\nalpha_pass = 0.1\nmax_steal = 1.0\nmax_excluded_pairs = 20\n"
        "max_pairs = 12\nwatch.minutes = 0\n"
        "[[gate.metrics]]\nquantile = 0.5\ntolerance = 0.1\nregression_threshold = 0.3\n"
    )
    return path


@pytest.mark.slow
def test_the_baselines_stack_is_that_of_its_commit(
    gate: Gate, nginx_image: str, docker_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    back = build_image(docker_client, "http.c", HTTP_TAG, ["/http"])
    repository = new_repository(gate.directory / "repository")
    path = two_tiers(repository.path, nginx_image, back)
    text = (repository.path / "compose.yml").read_text()
    # git does not have it, as is usual of this file.
    (repository.path / ".gitignore").write_text(".env\n")
    (repository.path / ".env").write_text("DELAY=3000\n")
    repository.commit(text.replace('"3000"', '"${DELAY}"'), "compose.yml")
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.commit(FRONT.replace("worker_processes 1", "worker_processes 2"), "front.conf")
    repository.commit(text.replace("3000", "6000"), "compose.yml")
    before = repository.state()
    done = gate.gate(path, "--baseline-ref", "main", baseline=None)
    done.judged(Exit.REGRESSION, Reason.REGRESSION)
    found = read_result(gate.out / "result.json").arm_differences
    assert found is not None
    assert [(one.kind, one.name) for one in found.found] == [
        ("compose", "services.back.command"),
        ("file", "front.conf"),
        ("source", "compose.yml"),
    ]
    assert [note.subject for note in found.not_known] == [".env"]
    assert "services.back.command" in done.report
    assert repository.state() == before


def test_a_stack_against_itself_passes_and_its_other_containers_are_traced(
    gate: Gate, nginx_image: str, docker_client: Any
) -> None:
    back = build_image(docker_client, "http.c", HTTP_TAG, ["/http"])
    path = two_tiers(gate.directory, nginx_image, back)
    done = gate.gate(path, baseline=nginx_image)
    done.judged(Exit.PASS, Reason.NO_REGRESSION)
    pairs = read_result(gate.out / "result.json").pairs
    for run in [run for pair in pairs for run in (pair.baseline, pair.candidate)]:
        front = run.histograms["service"]
        assert list(run.companions) == ["back"]
        # Every request that came in went on to the tier behind, whose time is a part of its own;
        # at either end of the run some are on their way, one a connection at most.
        most = CONNECTIONS + run.load.grown
        assert run.companions["back"].total == pytest.approx(front.total, abs=most)
        assert run.companions["back"].quantile_ns(0.5) < front.quantile_ns(0.5)
    assert "Other containers of the stack" in done.report
