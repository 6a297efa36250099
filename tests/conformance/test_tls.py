"""TLS as the probe sees it: bytes on the wire, flights of the handshake included."""

from __future__ import annotations

import socket
import ssl
import sys
import time
from pathlib import Path

import pytest

from socklat_gate.probe.probe import SocketProbe
from tests.certificates import issue
from tests.conformance.lab import Lab
from tests.conformance.stand import (
    EVER_NS,
    PORT,
    REQUEST,
    assert_balanced,
    await_listening,
    eventually,
    open_connections,
    receive,
    running,
)

pytestmark = [pytest.mark.kernel, pytest.mark.row]

REQUESTS = 17
FLIGHTS = 2
"""What the client sends before its first request in TLS 1.3: its hello, and that it is finished,
which the server responds to with session tickets (RFC 8446, figure 1 and section 4.6.1)."""
SERVER = Path(__file__).parents[1] / "services" / "tls.py"


def test_each_request_over_tls_is_an_exchange_and_each_flight_of_the_handshake(
    lab: Lab, probe: SocketProbe, tmp_path: Path
) -> None:
    issued = issue(tmp_path, "server")
    context = ssl.create_default_context(cafile=str(issued.cert_file))
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with running(
        lab.run_inside(sys.executable, "-P", str(SERVER), str(PORT), str(issued.both))
    ) as server:
        await_listening(server, PORT)
        probe.watch(0, lab.netns_inode, PORT)
        try:
            probe.record_between(0, 0, EVER_NS)
            with (
                socket.create_connection((lab.inside4, PORT), timeout=10.0) as plain,
                context.wrap_socket(plain) as client,
            ):
                assert client.version() == "TLSv1.3"
                # The tickets are the response to the second flight: let them come first.
                eventually(lambda: probe.read(0).counters["seen"] == FLIGHTS)
                time.sleep(0.1)
                for _ in range(REQUESTS):
                    client.sendall(REQUEST)
                    receive(client, len(REQUEST))
            eventually(lambda: not open_connections(probe, lab.netns_inode))
            counters = dict(probe.read(0).counters)
        finally:
            probe.forget(0)
    assert_balanced(counters)
    assert counters["recorded"] == REQUESTS + FLIGHTS
    assert counters["overlapped"] == counters["unread"] == 0
