"""An exchange is over when its connection is, whatever the application does with the socket.

A service that has little of the CPU closes its sockets late; what the driver had a response to is
recorded all the same.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from socklat_gate.probe.probe import SocketProbe
from socklat_gate.probe.traffic import Traffic
from tests.conformance.lab import Lab
from tests.conformance.stand import (
    EVER_NS,
    PORT,
    Stand,
    assert_balanced,
    await_listening,
    eventually,
    open_connections,
    receive,
    running,
)
from tests.services.held import LENGTH

pytestmark = [pytest.mark.kernel, pytest.mark.beside]

SERVER = Path(__file__).parents[1] / "services" / "held.py"
REQUESTS = 13
RESET = struct.pack("ii", 1, 0)


@contextmanager
def service(lab: Lab, probe: SocketProbe) -> Iterator[None]:
    with running(lab.run_inside(sys.executable, "-P", str(SERVER), str(PORT))) as process:
        await_listening(process, PORT)
        probe.watch(0, lab.netns_inode, PORT, apart=True)
        probe.record_between(0, 0, EVER_NS, traffic=Traffic(one_outstanding=True))
        try:
            yield
        finally:
            probe.forget(0)


def request(lab: Lab, letter: bytes, *, reset: bool = False) -> None:
    """One connection with one request, from its begin to its end."""
    with Stand.reach(lab, PORT) as client:
        client.sendall(letter * LENGTH)
        if letter != b"N":
            receive(client, LENGTH)
        if letter == b"F":
            assert client.recv(1) == b""
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("letter", [b"F", b"R"])
def test_a_response_is_recorded_when_the_client_has_closed(
    lab: Lab, probe: SocketProbe, letter: bytes, reset: bool
) -> None:
    with service(lab, probe):
        for _ in range(REQUESTS):
            request(lab, letter, reset=reset)
        eventually(lambda: probe.read(0).counters["recorded"] == REQUESTS)
        assert open_connections(probe, lab.netns_inode) == REQUESTS  # the service has them all
        reading = probe.read(0)
        assert_balanced(dict(reading.counters))
        assert (reading.counters["pending"], reading.responding) == (0, 0)


def test_a_request_without_a_response_is_over_when_the_client_has_reset_its_connection(
    lab: Lab, probe: SocketProbe
) -> None:
    with service(lab, probe):
        for _ in range(REQUESTS):
            request(lab, b"N", reset=True)
        eventually(lambda: probe.read(0).counters["no_response"] == REQUESTS)
        assert open_connections(probe, lab.netns_inode) == REQUESTS
        assert_balanced(dict(probe.read(0).counters))


def test_one_that_may_still_get_its_response_is_open(lab: Lab, probe: SocketProbe) -> None:
    """A client that has sent all it has to say, and waits."""
    with service(lab, probe):
        request(lab, b"N")
        with Stand.reach(lab, PORT) as client:
            client.sendall(b"R" * LENGTH)
            receive(client, LENGTH)
            eventually(lambda: probe.read(0).responding == 1)
            assert probe.read(0).counters["pending"] == 2
