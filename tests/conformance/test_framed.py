"""HTTP/2, gRPC and WebSocket: the kernel's exchanges are the service's own count, exactly.

Frames that are no request or no response travel both ways meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.job.join_check import check_joined
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario import Load
from tests.conformance.lab import Lab
from tests.conformance.stand import EMULATED, PORT, await_listening, running
from tests.conformance.test_names import Measured, kinds_logged, measure

for name in ("h2", "wsproto"):
    pytest.importorskip(name)
from tests.services.framed import read_count  # noqa: E402

pytestmark = [pytest.mark.kernel, pytest.mark.row]

SERVER = Path(__file__).parents[1] / "services" / "framed.py"
CONNECTIONS = 8
ADD = "/shop.Cart/Add"
RATE = 60.0 if EMULATED else 400.0
EVERY = 20
"""So many responses on a connection, and the service ends it."""


@contextmanager
def service(lab: Lab, kind: str, count: Path, *options: str) -> Iterator[None]:
    command = [sys.executable, "-P", str(SERVER), kind, str(PORT), str(count), *options]
    with running(lab.run_inside(*command)) as process:
        await_listening(process, PORT)
        yield


def load_of(driver: str, *requests: dict[str, Any], **changes: Any) -> Load:
    document = {
        "driver": driver,
        "rate": RATE,
        "connections": CONNECTIONS,
        "max_connections": CONNECTIONS,
        "duration_s": 2.0,
        "warmup_s": 0.5,
        "request": [{"name": f"r{at}", **request} for at, request in enumerate(requests)],
    }
    return Load.model_validate(document | changes)


LOADS = {
    "http2": lambda: load_of(
        "http",
        {"path": "/a"},
        {"path": "/b", "method": "POST", "body": "y" * 100_000},
        http="2",
    ),
    "grpc": lambda: load_of("grpc", {"path": ADD, "body": '{"id": 1}'}, {"path": ADD}),
    "websocket": lambda: load_of("websocket", {"body": "hello"}, {"body": "y" * 3000}),
}


def assert_exact(measured: Measured, load: Load, probe: SocketProbe, count: int) -> None:
    """Driver, service and kernel have the same requests, and each exchange its own."""
    counts, counters = measured.counts, measured.counters
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.responded_total == count == measured.sent.size == counters["seen"]
    assert counters["recorded"] == measured.logged.size == counters["seen"] - counters["filtered"]
    named = measured.named(load)
    run = measured.run(named, probe)
    check_joined("candidate", run, named.joined[0], missed=0)
    assert (named.joined[0].miscounted, named.joined[0].join.mismatched) == (0, 0)
    known = kinds_logged(measured)
    for kind, request in enumerate(load.requests):
        assert run.requests[request.name].exchanges == known[kind] > 0
    if not EMULATED:  # where what is sent at the window's end arrives much later
        assert named.joined[0].unseen == (0, 0)


@pytest.mark.beside
@pytest.mark.parametrize("kind", LOADS)
def test_exchanges_are_the_service_s_own_count(
    lab: Lab, probe: SocketProbe, tmp_path: Path, kind: str
) -> None:
    if kind == "grpc":
        for name in ("grpc", "grpc_reflection"):
            pytest.importorskip(name)  # the other kernels' machines have just what the probe needs
    load = LOADS[kind]()
    count = tmp_path / "count"
    with service(lab, kind, count):
        measured = measure(lab, probe, load)
        total = read_count(count)
    assert_exact(measured, load, probe, total)
    assert len(set(measured.sent["port"].tolist())) == CONNECTIONS


# Not beside others: a client that is late sends into connections that are being closed.
@pytest.mark.skipif(EMULATED, reason="a slow client sends into connections that are being closed")
@pytest.mark.parametrize("kind", ["http2", "websocket"])
def test_connections_that_the_service_ends_are_replaced(
    lab: Lab, probe: SocketProbe, tmp_path: Path, kind: str
) -> None:
    load = LOADS[kind]()
    count = tmp_path / "count"
    with service(lab, kind, count, str(EVERY)):
        measured = measure(lab, probe, load)
        total = read_count(count)
    assert_exact(measured, load, probe, total)
    assert len(set(measured.sent["port"].tolist())) > 2 * CONNECTIONS
