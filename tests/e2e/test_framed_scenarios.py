"""docs/scenarios/grpc and http2-nginx: real services by HTTP/2, and their own counts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from socklat_gate.measured.names import REQUEST_STAGES
from socklat_gate.measured.run import Run
from tests.e2e.harness import SAME, Gate
from tests.e2e.measured import measured, run_once
from tests.services.build import SCENARIOS, scenario_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.row]

# As the machines of tests are: busy with other tests.
LENIENT = "\n[gate]\nmax_steal = 1.0\nmax_excluded_pairs = 20\nwatch.minutes = 0\n"
MEDIAN = "[[gate.metrics]]\nquantile = 0.5\ntolerance = 0.1\nregression_threshold = 0.3\n"
STREAMS = 'stage = "client"\n'
SLOW_SERVER = """
import os, sys, time
import grpc
delay_s = float(sys.argv[1])
log = os.open("/log/calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.path.insert(0, "/")
source = open("/server.py").read().replace("ThreadPoolExecutor(4)", "ThreadPoolExecutor(32)")
source = source.replace("def add(request, context):", "def add(request, context):\\n    slow()")
source = source.replace("def get(request, context):", "def get(request, context):\\n    fast()")

def slow():
    os.write(log, b"a")
    time.sleep(delay_s)

def fast():
    os.write(log, b"g")

exec(source)
"""
"""The documented server, slower by some time in `Add`, which writes a byte down for each call."""


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
        metric = MEDIAN + (STREAMS if "\nstreams = " in text else "")
        path.write_text(text + LENIENT + metric)
        return path

    return write


def by_driver(gate: Gate, path: Path, log: Path) -> Run:
    """The run, which has the driver's clock and nothing of the kernel's exchanges."""
    done = run_once(gate, path, log)
    assert "requests share a connection (load.streams), which the kernel cannot" in done.report
    result = read_result(gate.out / "result.json")
    assert result.campaign is not None
    [run] = result.campaign.runs
    assert run.load.errors == 0, run.load.first_error
    assert run.load.streams is not None
    assert 1 < run.load.streams.most <= run.load.streams.allowed == run.load.streams.asked
    assert run.load.answers is not None
    assert run.counters["connections"] == run.load.answers.opened
    assert run.histograms["client"].total == run.load.responded == run.counters["recorded"]
    assert not run.histograms.keys() & set(REQUEST_STAGES)
    assert run.cpu_exchanges > 0
    return run


def test_nginx_counts_the_exchanges_that_the_kernel_saw(
    gate: Gate, example: Callable[..., Path]
) -> None:
    logs = gate.directory / "logs"
    logs.mkdir()
    mounted = {"port = 8080": f'port = 8080\nvolumes = ["{logs}:/logs"]'}
    path = example("http2-nginx", **mounted, **{"duration_s = 8": "duration_s = 2"})
    log = logs / "access.log"
    run = measured(gate, path, ("root", "page"), more_than=500, log=log)
    lines = log.read_text("utf-8").splitlines()
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


def test_nginx_counts_as_many_requests_with_several_streams(
    gate: Gate, example: Callable[..., Path]
) -> None:
    logs = gate.directory / "logs"
    logs.mkdir()
    path = example(
        "http2-nginx",
        **{
            "port = 8080": f'port = 8080\nvolumes = ["{logs}:/logs"]',
            'http = "2"': 'http = "2"\nstreams = 8',
            "rate = 1000": "rate = 4000",
            "connections = 32": "connections = 2",
            "duration_s = 8": "duration_s = 2",
        },
    )
    log = logs / "access.log"
    run = by_driver(gate, path, log)
    lines = log.read_text("utf-8").splitlines()
    assert all('HTTP/2.0" 200 ' in line for line in lines)
    assert len(lines) == run.load.responded_total > 8000
    assert run.load.answers is not None
    assert run.load.answers.statuses == {"200": run.load.responded}
    for name in ("root", "page"):
        part = run.requests[name]
        assert part.exchanges == run.load.requests[name].responded > 500
        assert part.histograms["client"] == run.load.requests[name].client


@pytest.fixture
def slow_shop(gate: Gate, example: Callable[..., Path], docker_client: Any) -> Callable[..., Path]:
    """The gRPC scenario with several streams, whose `Add` takes longer by so much in each arm."""

    def write(candidate_s: float, baseline_s: float, **changes: str) -> Path:
        for name in ("log", "slow"):
            (gate.directory / name).mkdir()
        (gate.directory / "slow" / "slow.py").write_text(SLOW_SERVER)
        proto = SCENARIOS / "grpc" / "cart.proto"
        volumes = [f"{gate.directory}/log:/log", f"{gate.directory}/slow:/slow"]
        image = docker_client.images.get(scenario_image(docker_client, "grpc"))
        python = (image.attrs["Config"]["Entrypoint"] or image.attrs["Config"]["Cmd"])[0]
        run = f"{python} -u /slow/slow.py"
        path = example(
            "grpc",
            **{
                'proto = "cart.proto"': f'proto = "{proto}"',
                "port = 50051": f"port = 50051\nvolumes = {volumes!r}\n"
                f'command = "{run} {candidate_s}"',
                "connections = 16": "connections = 2",
                **changes,
            },
        )
        path.write_text(f'{path.read_text("utf-8")}[baseline]\ncommand = "{run} {baseline_s}"\n')
        return path

    return write


def test_a_grpcio_server_counts_as_many_calls_with_several_streams(
    gate: Gate, slow_shop: Callable[..., Path]
) -> None:
    path = slow_shop(
        0.04,
        0.04,
        **{"rate = 500": "rate = 200\nstreams = 8", "duration_s = 16": "duration_s = 3"},
    )
    log = gate.directory / "log" / "calls"
    run = by_driver(gate, path, log)
    calls = log.read_bytes()
    assert len(calls) == run.load.responded_total > 500
    assert run.load.answers is not None
    assert run.load.answers.statuses == {"0": run.load.responded}
    get, add = (run.requests[name].histograms["client"] for name in ("get", "add"))
    # A known delay of one method, beside which the other one is not held up.
    assert add.quantile_ns(0.05) > 40e6
    assert add.quantile_ns(0.5) - get.quantile_ns(0.5) == pytest.approx(40e6, rel=0.1)
    assert get.quantile_ns(0.9) < 30e6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("candidate_s", "code", "reason"),
    [(0.016, Exit.REGRESSION, Reason.REGRESSION), (0.008, Exit.PASS, Reason.NO_REGRESSION)],
)
def test_a_gate_at_16_streams_fails_a_slower_candidate_and_passes_an_equal_one(
    gate: Gate,
    slow_shop: Callable[..., Path],
    candidate_s: float,
    code: Exit,
    reason: Reason,
) -> None:
    path = slow_shop(
        candidate_s,
        0.008,
        **{
            "rate = 500": "rate = 250\nstreams = 16",
            "duration_s = 16": "duration_s = 3",
            "weight = 4.0": "weight = 1.0",
        },
    )
    text = path.read_text("utf-8")
    path.write_text(text.replace("[[gate.metrics]]\n", '[[gate.metrics]]\nrequest = "add"\n'))
    image = text.partition('image = "')[2].partition('"')[0]
    done = gate.run("gate", path, SAME, "--baseline-image", image)
    verdict = done.judged(code, reason)
    [metric] = verdict["metrics"]
    assert metric["name"] == "client_p50[add]"
    assert metric["stage"] == "client"
    if code is Exit.REGRESSION:
        assert metric["candidate_ns"] - metric["baseline_ns"] == pytest.approx(8e6, rel=0.2)
    assert any(note.startswith("not measured: response, service") for note in verdict["notes"])
