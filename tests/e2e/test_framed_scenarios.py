"""docs/scenarios/grpc and http2-nginx: real services by HTTP/2, and their own counts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit
from tests.e2e.harness import Gate
from tests.e2e.measured import measured
from tests.services.build import SCENARIOS, scenario_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker]

# As the machines of tests are: busy with other tests.
LENIENT = "\n[gate]\nmax_steal = 1.0\nmax_excluded_pairs = 20\n"
MEDIAN = "[[gate.metrics]]\nquantile = 0.5\ntolerance = 0.1\nregression_threshold = 0.3\n"


@pytest.fixture
def example(gate: Gate, docker_client: Any) -> Callable[..., Path]:
    """The documented scenario, short, with other lines in place of its own; its image is made."""

    def write(name: str, **changes: str) -> Path:
        tag = scenario_image(docker_client, name)
        text = (SCENARIOS / name / "socklat.toml").read_text("utf-8")
        changes[f'image = "socklat-scenarios/{name}"'] = f'image = "{tag}"'
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path = gate.directory / "socklat.toml"
        path.write_text(text + LENIENT + MEDIAN)
        return path

    return write


def test_nginx_counts_the_exchanges_that_the_kernel_saw(
    gate: Gate, example: Callable[..., Path]
) -> None:
    logs = gate.directory / "logs"
    logs.mkdir()
    mounted = {"port = 8080": f'port = 8080\nvolumes = ["{logs}:/logs"]'}
    path = example("http2-nginx", **mounted, **{"duration_s = 8": "duration_s = 2"})
    run = measured(gate, path, ("root", "page"), more_than=500)
    lines = (logs / "access.log").read_text("utf-8").splitlines()
    assert all('HTTP/2.0" 200 ' in line for line in lines)
    assert len(lines) == run.load.responded_total == run.counters["seen"]
    assert run.load.answers is not None
    assert run.load.answers.statuses == {"200": run.load.responded}
    assert run.requests["page"].exchanges == run.load.requests["page"].responded


@pytest.mark.parametrize("kind", ["proto", pytest.param("descriptor_set", marks=pytest.mark.slow)])
def test_a_grpcio_server_is_measured_by_method(
    gate: Gate, example: Callable[..., Path], kind: str
) -> None:
    proto = SCENARIOS / "grpc" / "cart.proto"
    types = {'proto = "cart.proto"': f'proto = "{proto}"'}
    if kind == "descriptor_set":
        command = ["-m", "grpc_tools.protoc", f"-I{proto.parent}", "--include_imports"]
        out = gate.directory / "cart.binpb"
        subprocess.run([sys.executable, *command, f"--descriptor_set_out={out}", proto], check=True)
        types = {'proto = "cart.proto"': 'descriptor_set = "cart.binpb"'}
    path = example("grpc", **types, **{"duration_s = 16": "duration_s = 3"})
    run = measured(gate, path, ("get", "add"), more_than=500)
    assert run.load.answers is not None
    assert run.load.answers.statuses == {"0": run.load.responded}


@pytest.mark.slow
def test_a_service_without_reflection_ends_the_job_with_what_to_do(
    gate: Gate, example: Callable[..., Path]
) -> None:
    path = example("grpc", **{'[load.grpc]\nproto = "cart.proto"\n': ""})
    done = gate.run("run", path, "--runs", 1, "--quiet")
    assert done.code == Exit.INVALID
    assert "has no server reflection" in done.stderr
    assert "load.grpc.descriptor_set" in done.stderr
