"""Stacks of shapes that people have, gated from end to end."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import Gate
from tests.services.stacks import SHAPES, STACKS, stack_variables

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

GATED = ("proxy-app-db", "queue", "load-balanced")
SCENARIO = """name = "stack"
[service]
compose = "compose.yaml"
service = "{service}"
port = {port}
ready.http = "/"
{more}
[load]
driver = "http"
rate = 150
connections = 4
duration_s = 1.5
warmup_s = 0.2
max_lag_ms = 1000
max_late_ms = 1000
[gate]
alpha_pass = 0.1
max_steal = 1.0
max_excluded_pairs = 20
max_pairs = 20
watch.minutes = 0
[[gate.metrics]]
quantile = 0.5
tolerance = 0.3
regression_threshold = 1.0
"""


@pytest.fixture(scope="module")
def variables(docker_client: Any) -> dict[str, str]:
    return stack_variables(docker_client)


def stack(gate: Gate, name: str, more: str = "") -> Path:
    shape = next(one for one in SHAPES if one.name == name)
    shutil.copytree(STACKS / name, gate.directory, dirs_exist_ok=True)
    path = gate.directory / "socklat.toml"
    path.write_text(SCENARIO.format(service=shape.service, port=shape.port, more=more))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", GATED)
def test_a_stack_beside_itself_passes(gate: Gate, name: str, variables: dict[str, str]) -> None:
    baseline = variables["TIER" if name == "queue" else "NGINX"]
    done = gate.gate(stack(gate, name), baseline=baseline, env=variables)
    done.judged(Exit.PASS, Reason.NO_REGRESSION)
    assert all(pair.baseline.companions for pair in read_result(gate.out / "result.json").pairs)


def test_what_both_arms_would_share_is_refused_before_anything_starts(
    gate: Gate, variables: dict[str, str]
) -> None:
    path = stack(gate, "own-subnet")
    text = (gate.directory / "compose.yaml").read_text()
    fixed = text.replace("[dns-net]", "{ dns-net: { ipv4_address: 172.20.0.2 } }")
    (gate.directory / "compose.yaml").write_text(fixed)
    done = gate.gate(path, baseline=variables["TIER"], env=variables)
    said = done.refused(Exit.USAGE, Reason.BAD_SCENARIO)
    assert "services.db.networks.dns-net.ipv4_address" in said
    assert 'gate.interleave = "block"' in said
