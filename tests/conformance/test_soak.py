"""Kernel, driver and service count alike on every connection, while the CPUs are overbooked.

Twenty short loads of all protocols; nothing waits for the service to close its sockets.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from socklat_gate.job.named_requests import traffic_of
from socklat_gate.job.settled_reading import settled_reading
from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.process import make_load
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.records import Records
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario import Load
from tests.certificates import Issued, issue
from tests.conformance.lab import Lab
from tests.conformance.stand import EVER_NS, PORT, assert_balanced, await_listening, running

for name in ("grpc", "grpc_reflection", "h2", "wsproto"):
    pytest.importorskip(name)  # the other kernels' machines have just what the probe needs
from tests.services.framed import read_counts  # noqa: E402

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

SERVICES = Path(__file__).parents[1] / "services"
LOADS = 20
BUSY_PER_CPU = 4
RATE, FRESH_RATE = 150.0, 50.0
ADD = "/shop.Cart/Add"
GET = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"


@dataclass(frozen=True)
class Kind:
    """A service and its load; ``program`` and ``options`` make the service's command."""

    program: str
    options: tuple[str, ...]
    load: Mapping[str, Any]


def _http(*options: str, **load: Any) -> Kind:
    return Kind("https", options, {"driver": "http", "request": _named({"path": "/1"}), **load})


def _framed(kind: str, driver: str, *requests: dict[str, Any], **load: Any) -> Kind:
    return Kind("framed", (kind,), {"driver": driver, "request": _named(*requests), **load})


def _named(*requests: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": f"r{at}", **request} for at, request in enumerate(requests)]


FRESH = {"keep_alive": False}
TLS = {"tls": {"insecure": True}}
REDIS = Kind(
    "redis", (), {"driver": "tcp", "request": _named({"payload": GET}), "response": "resp"}
)
HTTP2 = _framed(
    "http2", "http", {"path": "/"}, {"path": "/b", "method": "POST", "body": "y" * 70_000}, http="2"
)
GRPC = _framed("grpc", "grpc", {"path": ADD, "body": '{"id": 1}'})
WEBSOCKET = _framed("websocket", "websocket", {"body": "hello"}, {"body": "y" * 3000})


def _fresh(kind: Kind) -> Kind:
    return Kind(kind.program, kind.options, {**kind.load, **FRESH})


KINDS = {
    "http": _http("--plain"),
    "http fresh": _http("--plain", "--close", **FRESH),
    "tls": _http(**TLS),
    "tls fresh": _http("--close", **TLS, **FRESH),
    "tls 1.2 fresh": _http("--close", "--version", "1.2", **TLS, **FRESH),
    "http2": HTTP2,
    "http2 fresh": _fresh(HTTP2),
    "grpc": GRPC,
    "websocket": WEBSOCKET,
    "websocket fresh": _fresh(WEBSOCKET),
    "redis": REDIS,
    "redis fresh": _fresh(REDIS),
}


@dataclass(frozen=True)
class Measured:
    counts: LoadCounts
    sent: Records
    logged: Records
    counters: Mapping[str, int]
    served: Mapping[int, int] | int


@pytest.fixture(scope="module")
def overbooked() -> Iterator[None]:
    """Each CPU has several others' work to do."""
    busy = [sys.executable, "-S", "-c", "while True: pass"]
    with ExitStack() as stack:
        for _ in range(BUSY_PER_CPU * (os.cpu_count() or 1)):
            stack.enter_context(running(subprocess.Popen(busy)))
        yield


def command_of(kind: Kind, issued: Issued, count: Path) -> list[str]:
    if kind.program == "redis":
        ports = ["--port", str(PORT), "--bind", "0.0.0.0", "--protected-mode", "no"]
        return ["redis-server", *ports, "--save", "", "--dir", "/"]
    script = [sys.executable, "-P", str(SERVICES / f"{kind.program}.py")]
    if kind.program == "https":
        return [*script, str(PORT), str(issued.both), "1000", *kind.options]
    return [*script, *kind.options, str(PORT), str(count)]


def served(lab: Lab, kind: Kind, process: subprocess.Popen[bytes], count: Path) -> Any:
    """The service's own count; it may be at its end then."""
    if kind.program == "framed":
        return read_counts(count)
    if kind.program == "https":
        process.send_signal(signal.SIGTERM)
        return len(json.loads(process.communicate(timeout=30.0)[0]))
    with socket.create_connection((lab.inside4, PORT), timeout=30.0) as client:
        client.sendall(b"INFO commandstats\r\n")
        told = client.recv(1 << 16).decode()
    return int(told.split("cmdstat_get:calls=")[1].split(",")[0])


def measure(
    lab: Lab, probe: SocketProbe, kind: Kind, load: Load, seed: int, issued: Issued, count: Path
) -> Measured:
    logs = [probe.drain()[0][:0]]
    with running(lab.run_inside(*command_of(kind, issued, count))) as process:
        await_listening(process, PORT)
        probe.watch(0, lab.netns_inode, PORT, apart=True)
        try:
            probe.record_between(0, 0, EVER_NS, 1, 0, traffic_of(load))
            with make_load(load, [Endpoint(lab.inside4, PORT)], seed, "request", 100.0) as driver:
                driver.connect()
                driver.start(time.monotonic_ns() + 50_000_000)
                (counts,) = driver.wait(poll=lambda: logs.append(probe.drain()[0]))
                sent = driver.sent()
            counters = dict(settled_reading(probe, 0).counters)
            logs.append(probe.drain()[0])
        finally:
            probe.forget(0)
        by_service = served(lab, kind, process, count)
    assert sent is not None
    return Measured(counts, sent, np.concatenate(logs), counters, by_service)


def check_exact(measured: Measured) -> None:
    """Each request is one exchange on its connection for all three, and nothing else is."""
    counts, counters = measured.counts, measured.counters
    assert_balanced(dict(counters))
    assert (counts.errors, counts.first_error) == (0, "")
    planned = counts.planned
    assert planned == counts.responded_total == measured.sent.size == measured.logged.size
    assert counters["seen"] == counters["recorded"] == planned, counters
    of_driver, of_kernel = (
        Counter(zip(rows[port].tolist(), rows["ordinal"].tolist(), strict=True))
        for rows, port in ((measured.sent, "port"), (measured.logged, "peer_port"))
    )
    assert of_driver == of_kernel
    if isinstance(measured.served, int):
        assert measured.served == planned
    else:
        assert Counter(measured.sent["port"].tolist()) == measured.served


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    return issue(tmp_path_factory.mktemp("tls"), "server")


@pytest.mark.parametrize(
    ("seed", "name"), [(at, list(KINDS)[at % len(KINDS)]) for at in range(LOADS)]
)
@pytest.mark.usefixtures("overbooked")
def test_three_counts_agree_on_every_connection(
    lab: Lab, probe: SocketProbe, issued: Issued, tmp_path: Path, seed: int, name: str
) -> None:
    kind = KINDS[name]
    rate = RATE if kind.load.get("keep_alive", True) else FRESH_RATE
    base = {"rate": rate, "duration_s": 2.0, "warmup_s": 0.0, "connections": 8, "timeout_s": 30.0}
    load = Load.model_validate({**base, **kind.load})
    check_exact(measure(lab, probe, kind, load, seed, issued, tmp_path / "count"))
