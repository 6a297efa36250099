"""The server behind `trace --listen`: what it answers, and what it does not let happen to it."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.trace.serving import MOST, MetricsServer, address_of


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9464", ("127.0.0.1", 9464)),
        (":9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::1]:9464", ("::1", 9464)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize("text", ["", "x", "::1:80", "127.0.0.1", "1.2.3.4:99999", "a:b", "[::1]"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--listen") as caught:
        address_of(text)
    assert caught.value.reason is Reason.BAD_ARGUMENT
    assert caught.value.remedy


def test_a_taken_port_and_an_unknown_address_are_refused() -> None:
    with MetricsServer(("127.0.0.1", 0)) as first:
        port = int(first.url.split(":")[2].split("/")[0])
        with pytest.raises(UsageError, match="Address already in use"):
            MetricsServer(("127.0.0.1", port))
    with pytest.raises(UsageError, match=r"--listen 192\.0\.2\.1:0"):
        MetricsServer(("192.0.2.1", 0))


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    with MetricsServer(("127.0.0.1", 0)) as found:
        found.start(lambda accept: (b"metrics 1\n", f"text/{accept or 'plain'}"))
        yield found


def port_of(server: MetricsServer) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])


def ask(
    server: MetricsServer, method: str = "GET", path: str = "/metrics"
) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=10)
    connection.request(method, path, headers={"Accept": "x"})
    found = connection.getresponse()
    body = found.read()
    connection.close()
    return found.status, found.headers["Content-Type"], body


def test_it_answers_at_one_path(server: MetricsServer) -> None:
    assert ask(server) == (200, "text/x", b"metrics 1\n")
    assert ask(server, path="/metrics?name=1")[0] == 200
    assert ask(server, "HEAD") == (200, "text/x", b"")
    assert ask(server, path="/")[::2] == (404, b"it is at /metrics\n")
    assert ask(server, path="/metrics/../../etc/passwd")[0] == 404
    assert ask(server, "POST")[0] == 501


def test_the_loopback_address_alone_is_not_public(server: MetricsServer) -> None:
    assert not server.is_public
    with MetricsServer(("0.0.0.0", 0)) as public:
        assert public.is_public


def test_connections_that_hang_keep_no_scraper_out(server: MetricsServer) -> None:
    hanging = [
        socket.create_connection(("127.0.0.1", port_of(server)), timeout=10)
        for _ in range(5 * MOST)
    ]
    for one in hanging:
        one.send(b"GET /metr")
    assert ask(server)[0] == 200
    serving = [one for one in threading.enumerate() if "process_request" in one.name]
    assert len(serving) <= MOST + 1
    for one in hanging:
        one.close()


def test_a_defect_is_a_500_and_not_the_end() -> None:
    def render(accept: str) -> tuple[bytes, str]:
        raise ZeroDivisionError

    with MetricsServer(("127.0.0.1", 0)) as server:
        server.start(render)
        assert ask(server)[0] == 500
        assert ask(server)[0] == 500


def test_nothing_is_left_at_the_end() -> None:
    with MetricsServer(("127.0.0.1", 0)) as server:
        server.start(lambda accept: (b"", accept))
        port = port_of(server)
        open_one = socket.create_connection(("127.0.0.1", port), timeout=10)
        time.sleep(0.05)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 1
    assert open_one.recv(10) == b""
    open_one.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)


def test_one_that_never_started_ends_too() -> None:
    with MetricsServer(("127.0.0.1", 0)) as server:
        port = port_of(server)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
