"""`init` on images that this machine has: asked what they speak, and gated as written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.scenario.tables import tomllib
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG
from tests.services.build import package_image, scenario_image
from tests.services.own_images import OwnImages
from tests.services.stacks import stack_variables

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "howto" / "recipes.md"


def test_a_redis_is_recognised_and_gated_as_written(gate: Gate, redis_image: str) -> None:
    done = gate.run("init", redis_image, "--port", 6379, out=False, apart=True)
    assert done.code == 0, done.stderr
    assert "speaks RESP on port 6379" in done.stdout
    path = gate.directory / "socklat.toml"
    scenario = load_scenario(path)
    assert scenario.service.image == redis_image
    assert (scenario.load.driver, scenario.load.response) == ("tcp", "resp")
    assert [request.name for request in scenario.load.request] == ["get", "set"]
    assert not scenario.load.stand_in
    again = gate.run("init", redis_image, "--port", 6379, out=False)
    again.refused(Exit.USAGE, Reason.OUTPUT_NOT_WRITABLE)
    forced = gate.run("init", redis_image, "--port", 6379, "--force", "--no-start", out=False)
    assert forced.code == 0, forced.stderr
    measured = gate.run("run", path, "--runs", 1)
    assert measured.code == 0, measured.stderr


def test_a_postgres_gets_the_load_of_the_recipe(gate: Gate, docker_client: Any) -> None:
    image = package_image(docker_client, "postgres")
    done = gate.run("init", image, out=False)
    assert done.code == 0, done.stderr
    assert "speaks PostgreSQL on port 5432" in done.stdout
    load = load_scenario(gate.directory / "socklat.toml").load
    assert load.driver == "command"
    assert load.command is not None
    [text] = re.findall(
        r"<!-- tested: pgbench .*?```toml\n(.*?)```", RECIPES.read_text(), re.DOTALL
    )
    assert load.command.argv == tomllib.loads(text)["load"]["command"]["argv"]
    assert not load.stand_in


def test_an_image_that_says_nothing_wants_a_port_or_a_look(gate: Gate) -> None:
    untried = gate.run("init", DELAY_TAG, "--no-start", out=False)
    assert "--port" in untried.refused(Exit.USAGE, Reason.BAD_ARGUMENT)


def test_what_is_not_understood_is_said(gate: Gate) -> None:
    done = gate.run("init", DELAY_TAG, out=False)
    assert done.code == 0, done.stderr
    assert load_scenario(gate.directory / "socklat.toml").service.port == 7000  # as it was seen
    assert "speaks none of HTTP, HTTP/2, RESP, memcached, PostgreSQL" in done.stdout
    assert "correct what the service does not understand" in done.stdout


PROXY = """daemon off; user root; worker_processes 2; error_log stderr;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000;
  server { listen 8080; location / { proxy_pass http://127.0.0.1:9000; } }
  server { listen 127.0.0.1:9000; location / { return 200 "ok"; } } }
"""
ASKS = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health')"


# Its twins that always run: which port and path are found, in tests/unit/init.
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["proxy", "checked"])
def test_what_asks_within_the_container_is_no_request_of_the_scenario(
    gate: Gate, docker_client: Any, nginx_image: str, own_images: OwnImages, kind: str
) -> None:
    context = gate.directory / kind
    context.mkdir()
    if kind == "proxy":
        (context / "nginx.conf").write_text(PROXY)
        text = f"{own_images.begins(nginx_image)}COPY nginx.conf /etc/nginx/\nEXPOSE 8080\n"
    else:
        tier = stack_variables(docker_client)
        check = json.dumps([tier["PYTHON"], "-c", ASKS])
        text = f"{own_images.begins(tier['TIER'])}ENV ROLE=app\n"
        text += f"HEALTHCHECK --interval=1s CMD {check}\n"
    (context / "Dockerfile").write_text(text)
    done = gate.run("init", context, out=False, apart=True)
    assert done.code == 0, done.stderr
    assert "speaks HTTP on port 8080" in done.stdout
    path = gate.directory / "socklat.toml"
    written = load_scenario(path)
    assert written.service.ready.http == ("/" if kind == "proxy" else "/health")
    measured = gate.run("run", path, "--runs", 1)
    assert measured.code == 0, measured.stderr
    result = read_result(gate.out / "result.json")
    assert result.completeness is not None
    assert result.completeness.mismatch == 0


# Its twins that always run: other services above, what OpenAPI tells in tests/unit/init.
@pytest.mark.slow
def test_the_operations_that_a_service_tells_of_are_gated_as_written(
    gate: Gate, docker_client: Any
) -> None:
    image = scenario_image(docker_client, "asgi")
    done = gate.run("init", image, out=False, apart=True)
    assert done.code == 0, done.stderr
    assert "8 requests of the OpenAPI document at /openapi.json" in done.stdout
    path = gate.directory / "socklat.toml"
    scenario = load_scenario(path)
    names = [request.name for request in scenario.load.request]
    assert len(names) == 8
    assert scenario.service.ready.http == "/health"
    assert not scenario.load.stand_in
    assert '# name = "create_order"' in path.read_text()
    measured = gate.run("run", path, "--runs", 1)
    assert measured.code == 0, measured.stderr
    result = read_result(gate.out / "result.json")
    assert result.campaign is not None
    [run] = result.campaign.runs
    assert sorted(run.requests) == sorted(names)
    assert run.load.errors == 0
