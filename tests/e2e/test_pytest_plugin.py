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
    socklat.gate("socklat.toml", candidate_image="{fast}", seed=7, allow_same_image=True)

def test_slower(socklat):
    socklat.gate("socklat.toml", candidate_image="{slow}")
"""
FAST, SLOW = "socklat-test/e2e-delay-fast:latest", "socklat-test/e2e-delay-slow:latest"


@pytest.fixture
def images(docker_client: Any) -> Iterator[None]:
    for tag, wait_us in ((FAST, 3000), (SLOW, 5000)):
        build_image(docker_client, "delay.c", tag, ["/delay", "--before-response", str(wait_us)])
    yield
    for tag in (FAST, SLOW):
        docker_client.images.remove(tag, force=True)


@pytest.mark.slow
def test_tests_assert_against_the_stored_baseline(
    gate: Gate, scenario: Callable[..., Path], images: None
) -> None:
    path = scenario(service={"command": None, "image": FAST})
    assert gate.run("run", path, "--runs", 1).code == 0
    assert gate.run("baseline", "save", gate.out, out=False).code == 0
    (gate.directory / "test_latency.py").write_text(TESTS.format(fast=FAST, slow=SLOW))
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider"]
    options = ("--socklat", "--benchmark-save=both")
    done = gate.end(gate.start(*options, "test_latency.py", command=command))
    said = done.stdout + done.stderr
    assert done.code == 1, said
    assert "1 failed, 1 passed" in said
    assert "FAILED test_latency.py::test_slower" in said
    assert "regression: " in said
    [stored] = (gate.directory / ".benchmarks").rglob("*_both.json")
    entries = {one["name"]: one for one in json.loads(stored.read_text())["benchmarks"]}
    entry = entries["test_delay[response_p50]"]
    assert 0.003 < entry["stats"]["median"] < 0.02  # it waits 3 ms
    assert entry["extra_info"]["verdict"] == "pass"
