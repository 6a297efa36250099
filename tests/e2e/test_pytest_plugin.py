"""`pytest --socklat` in a project of its own: real containers, real probe, real baseline."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Gate
from tests.services.build import build_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

TESTS = """
def test_delay(socklat):
    socklat.gate("socklat.toml", candidate_image="{image}", seed=7)
"""
FAST, SLOW = "socklat-test/e2e-delay-fast:latest", "socklat-test/e2e-delay-slow:latest"


@pytest.fixture
def images(docker_client: Any) -> Iterator[None]:
    for tag, wait_us in ((FAST, 3000), (SLOW, 5000)):
        build_image(docker_client, "delay.c", tag, ["/delay", "--before-response", str(wait_us)])
    yield
    for tag in (FAST, SLOW):
        docker_client.images.remove(tag, force=True)


def test_a_test_asserts_against_the_stored_baseline(
    gate: Gate, scenario: Callable[..., Path], images: None
) -> None:
    path = scenario(service={"command": None, "image": FAST})
    assert gate.gate(path, baseline=FAST).code == 0
    assert gate.run("baseline", "save", gate.out, out=False).code == 0

    def pytest_run(image: str, *options: str) -> tuple[int, str]:
        (gate.directory / "test_latency.py").write_text(TESTS.format(image=image))
        command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider"]
        started = gate.start("--socklat", "test_latency.py", *options, command=command)
        done = gate.end(started)
        return done.code, done.stdout + done.stderr

    code, said = pytest_run(FAST, "--benchmark-save=green")
    assert code == 0, said
    [stored] = (gate.directory / ".benchmarks").rglob("*_green.json")
    [entry] = json.loads(stored.read_text())["benchmarks"]
    assert entry["name"] == "test_delay[service_p50]"
    assert 0.003 < entry["stats"]["median"] < 0.02  # it waits 3 ms
    assert entry["extra_info"]["verdict"] == "pass"

    code, said = pytest_run(SLOW)
    assert code == 1, said
    assert "regression: " in said
    assert "1 failed" in said
