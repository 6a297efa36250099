"""`pytest --socklat` in a project of its own: real containers, real probe, real baseline."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness import Gate

pytestmark = [pytest.mark.kernel, pytest.mark.docker]

TESTS = """
def test_delay(socklat):
    socklat.gate("{scenario}", seed=7)
"""
BASE = ["/delay", "--before-answer", "3000"]


def test_a_test_asserts_against_the_stored_baseline(
    gate: Gate, scenario: Callable[..., Path]
) -> None:
    path = scenario(baseline={"command": BASE})
    assert gate.gate(path).code == 0
    assert gate.run("baseline", "save", gate.out, out=False).code == 0
    (gate.directory / "test_latency.py").write_text(TESTS.format(scenario=path.name))

    def pytest_run(*options: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider"]
        started = gate.start("--socklat", "test_latency.py", *options, command=command)
        done = gate.end(started)
        return done.code, done.stdout + done.stderr

    code, said = pytest_run("--benchmark-save=green")
    assert code == 0, said
    [stored] = (gate.directory / ".benchmarks").rglob("*_green.json")
    [entry] = json.loads(stored.read_text())["benchmarks"]
    assert entry["name"] == "test_delay[service_p50]"
    assert 0.003 < entry["stats"]["median"] < 0.02  # it waits 3 ms
    assert entry["extra_info"]["verdict"] == "pass"

    scenario(service={"command": ["/delay", "--before-answer", "5000"]}, baseline={"command": BASE})
    code, said = pytest_run()
    assert code == 1, said
    assert "regression: " in said
    assert "1 failed" in said
