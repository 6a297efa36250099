"""Marks where the kernel holds back what was written: the service takes a few KB at a time.

Bytes that have not left yet would take the mark of what is written after them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from socklat_gate.load.dialer import TcpNetwork
from socklat_gate.load.marking import CONTROL_DSFIELD, CONTROL_IN_FLIGHT_DSFIELD, NO_DSFIELD
from socklat_gate.load.outgoing import Outgoing
from socklat_gate.probe.probe import SocketProbe
from tests.certificates import issue
from tests.conformance import test_control, test_tls_load
from tests.conformance.lab import Lab
from tests.conformance.stand import PORT, running
from tests.services.named import LENGTH, frame

pytestmark = [pytest.mark.kernel, pytest.mark.beside]

RECEIVE_BUFFER = 4096
CONTROL_FRAMES = 20_000
"""320 KB: more than the service's buffer and the driver's take."""
STOPPED_US = 100_000


@pytest.fixture
def narrow(lab: Lab) -> Iterator[None]:
    """Receive buffers of the namespace are small."""

    def sysctl(*words: str) -> str:
        with running(lab.run_inside("sysctl", "-n", *words)) as process:
            told, _ = process.communicate(timeout=10.0)
        if process.returncode:
            pytest.skip("no sysctl here for a namespace's buffers")
        return told.decode().strip()

    before = sysctl("net.ipv4.tcp_rmem")
    sysctl("-w", f"net.ipv4.tcp_rmem={RECEIVE_BUFFER} {RECEIVE_BUFFER} {RECEIVE_BUFFER}")
    yield
    sysctl("-w", f"net.ipv4.tcp_rmem={before}")


class _Reader(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = 0
        self.more = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.more.set()


async def _converse(lab: Lab) -> None:
    """Control bytes, a request and control bytes in one go, at a service that does not read."""
    network = TcpNetwork()
    (address,) = await network.resolve(lab.inside4, PORT)
    sock = await network.connect(address)
    outgoing = Outgoing(sock)
    loop = asyncio.get_running_loop()
    transport, reader = await loop.create_connection(_Reader, sock=sock)
    outgoing.transport = transport
    many = frame("C", 0) * CONTROL_FRAMES
    outgoing.send(frame("C", STOPPED_US) + many, CONTROL_DSFIELD)
    outgoing.send(frame("R", 0), NO_DSFIELD)
    outgoing.send(frame("C", STOPPED_US) + many, CONTROL_IN_FLIGHT_DSFIELD)
    outgoing.send(frame("C", 1), CONTROL_DSFIELD)
    while reader.received < 4 * LENGTH:
        reader.more.clear()
        await asyncio.wait_for(reader.more.wait(), 10.0)
    transport.close()


def test_each_byte_has_its_own_mark_where_it_was_held_back(
    lab: Lab, probe: SocketProbe, narrow: None
) -> None:
    with test_control.service(lab, probe, test_control.MARKED):
        for _ in range(3):
            asyncio.run(_converse(lab))
        test_control.counted(lab, probe, 3)


@pytest.mark.parametrize("keep_alive", [True, False])
def test_over_tls(
    lab: Lab, probe: SocketProbe, narrow: None, tmp_path: Path, keep_alive: bool
) -> None:
    issued = issue(tmp_path, "server")
    load = test_tls_load.load_of(issued, keep_alive=keep_alive)
    options = [] if keep_alive else ["--close"]
    test_tls_load.assert_exact(test_tls_load.measure(lab, probe, load, issued, *options))


@pytest.mark.parametrize("kind", ["http2", "grpc", "websocket"])
def test_framed(lab: Lab, probe: SocketProbe, narrow: None, tmp_path: Path, kind: str) -> None:
    for name in ("grpc", "grpc_reflection", "h2", "wsproto"):
        pytest.importorskip(name)
    from tests.conformance import test_framed as framed  # noqa: PLC0415 - needs them

    load = framed.LOADS[kind]()
    if kind == "websocket":  # a message that does not fit into the buffer
        load = framed.load_of("websocket", {"body": "hello"}, {"body": "y" * 5 * RECEIVE_BUFFER})
    load = load.model_copy(update={"rate": 50.0})
    count = tmp_path / "count"
    with framed.service(lab, kind, count):
        measured = framed.measure(lab, probe, load)
        total = framed.read_count(count)
    framed.assert_exact(measured, load, probe, total)
