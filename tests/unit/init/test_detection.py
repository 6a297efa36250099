"""Which port of a service is loaded, at which path, and how long it may take to respond well."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate.init import detection, port_search
from socklat_gate.init.detection import detect_at
from socklat_gate.init.paths import with_usual_path
from socklat_gate.init.port_search import PortSearch
from socklat_gate.load.protocols import handshake, http_detection
from socklat_gate.load.protocols.registry import DETECTORS
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.tcp_listeners import Listener
from tests.certificates import issue
from tests.unit.https_site import https_site
from tests.unit.init.http_service import UNBOUNDED, endless

HERE: Any = SimpleNamespace(host="127.0.0.1")
Status = Callable[[str], int]


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (http_detection, handshake):
        monkeypatch.setattr(module, "usual_latency_s", lambda get: float(bool(get())))
    monkeypatch.setattr(detection, "RISE_EVERY_S", 0.01)
    monkeypatch.setattr(detection, "SETTLE_WITHIN_S", 0.1)
    monkeypatch.setattr(detection, "RISE_WITHIN_S", 20.0)


@contextmanager
def site(status_of: Status) -> Iterator[int]:
    """Port of a service that responds as told."""

    class Pages(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status = status_of(self.path)
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def after(seconds: float, before: int) -> Status:
    """200 from some time on, and something else before."""
    begun_s = time.monotonic()
    return lambda path: 200 if time.monotonic() - begun_s > seconds else before


def likeliest(*ports: int, paths: tuple[str, ...] = ("/",)) -> Any:
    return detection._likeliest(HERE, lambda: ports, paths, lambda phase: None)[:2]


@pytest.mark.parametrize("before", [503, 500, 0])
def test_a_service_that_listens_before_it_is_ready_is_waited_for(before: int) -> None:
    with site(after(0.5, before)) as port:
        found, at = likeliest(port)
    assert (found.status, at, found.verified) == (200, port, True)


def test_patience_is_no_part_of_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "SETTLE_WITHIN_S", 1.0)
    begun_s = time.monotonic()
    with site(lambda path: 404) as port:
        since_s = detection._likeliest(HERE, lambda: [port], ["/"], lambda phase: None)[2]
    assert time.monotonic() - begun_s > 1.0
    assert since_s - begun_s < 0.9


def test_a_stream_without_an_end_is_not_what_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_detection, "TRY_TIMEOUT_S", 0.2)
    with endless(UNBOUNDED, b":\n\n") as port, site(lambda path: 200) as other:
        assert likeliest(port, other)[1] == other
    with endless(UNBOUNDED, b":\n\n") as port:
        found, _ = likeliest(port)
    with site(lambda path: 200 if path == "/health" else 404) as healthy:
        better = with_usual_path(found, "127.0.0.1", healthy, lambda phase: None)
    assert (found.endless, better.endless, better.path) == (True, False, "/health")
    assert "with a body that is not over" in better.in_place_of


def test_what_stays_unwell_is_written_down_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "RISE_WITHIN_S", 0.1)
    with site(lambda path: 503) as port:
        assert likeliest(port)[0].status == 503


def test_of_several_ports_the_first_that_responds_well() -> None:
    with ExitStack() as sites:
        statuses = (404, 200, 200)
        lost, good, other = (
            sites.enter_context(site(lambda path, status=status: status)) for status in statuses
        )
        assert likeliest(lost, good, other)[1] == good
        assert likeliest(other, good)[1] == other


def test_tls_is_known_by_its_handshake(tmp_path: Path) -> None:
    """On whatever port, also where plain HTTP gets a polite redirect."""
    with https_site(issue(tmp_path, "s", names=["x"]), lambda path: 200) as port:
        found, _ = likeliest(port)
    assert (found.tls, found.status) == (True, 200)
    with site(lambda path: 400) as port:
        assert not likeliest(port)[0].tls


def test_a_protocol_of_its_own_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.sendall(b"J\x00\x00\x00\x0a8.0.36")
                connection.close()

        Thread(target=greet, daemon=True).start()
        begun_s = time.monotonic()
        found, _ = likeliest(listener.getsockname()[1])
        assert not found.verified
        assert time.monotonic() - begun_s < 4.0
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("status", [404, 401, 302, 500])
def test_a_path_is_found_where_the_obvious_one_does_not_respond_well(status: int) -> None:
    with site(lambda path: 200 if path == "/healthz" else status) as port:
        found = with_usual_path(detect_at("127.0.0.1", port), "127.0.0.1", port, lambda phase: None)
    assert (found.path, found.status) == ("/healthz", 200)
    assert found.in_place_of == f"/ responded {status}"
    [line] = [key for key in found.protocol.load_keys(found) if key.key == "path"]
    assert f"/ responded {status}: name a path" in line.comment


def test_where_none_does_nothing_changes() -> None:
    with site(lambda path: 404) as port:
        first = detect_at("127.0.0.1", port)
        assert with_usual_path(first, "127.0.0.1", port, lambda phase: None) == first


def process(address: str = "127.0.0.1") -> ContainerProcess:
    return ContainerProcess("id", "a", os.getpid(), 1, 1, address)


def until_found(search: PortSearch, item: ContainerProcess) -> None:
    for _ in range(100):
        if not search(item):
            return
        time.sleep(0.01)
    pytest.fail("not found")


def listening(address: str) -> socket.socket:
    return socket.create_server((address, 0), family=socket.AF_INET)


def test_ports_are_searched_for_in_the_order_in_which_they_are_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(port_search, "SETTLE_S", 0.05)
    with listening("127.0.0.1") as one, listening("127.0.0.1") as two:
        ports = (two.getsockname()[1], 1, one.getsockname()[1])
        search = PortSearch(ports)
        until_found(search, process())
        assert search.ports == (ports[0], ports[2])
        assert "takes no connection on port 1" in PortSearch([1])(process())


def test_without_a_declaration_any_port_that_others_can_reach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(port_search, "SETTLE_S", 0.0)
    monkeypatch.setattr(port_search, "FIRST_EPHEMERAL_PORT", 1 << 16)
    monkeypatch.setattr(port_search, "MOST_PORTS", 1 << 16)
    with listening("0.0.0.0") as outside, listening("127.0.0.1") as inside:
        search = PortSearch(())
        until_found(search, process())
        assert outside.getsockname()[1] in search.ports
        assert inside.getsockname()[1] not in search.ports


def test_a_further_port_may_follow_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a service whose own port comes after the one for its health."""
    monkeypatch.setattr(port_search, "SETTLE_S", 0.0)
    monkeypatch.setattr(port_search, "FIRST_EPHEMERAL_PORT", 1 << 16)
    monkeypatch.setattr(port_search, "MOST_PORTS", 1 << 16)
    with listening("0.0.0.0") as first:
        search, declared = PortSearch(()), PortSearch([first.getsockname()[1]])
        until_found(search, process())
        until_found(declared, process())
        with listening("0.0.0.0") as late:
            assert late.getsockname()[1] not in search.ports
            assert late.getsockname()[1] in search.look_again()
            assert declared.look_again() == (first.getsockname()[1],)


def test_one_that_listens_inside_alone_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = Listener(8080, "1", ip_address("127.0.0.1"))
    monkeypatch.setattr(port_search, "listeners", lambda pid: [inside])
    said = PortSearch(())(process())
    assert "it listens on 127.0.0.1:8080 alone, where nothing outside" in said


def test_a_service_that_takes_ipv6_alone_is_told_of() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6) as server:
        search = PortSearch([server.getsockname()[1]])
        assert search(process()) == ""
        assert search.ipv6_only
        assert search.ports == ()


def test_redis_over_tls(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issue(tmp_path, "s", names=["x"]).both)
    resp = next(one for one in DETECTORS if one.name == "RESP")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                    with context.wrap_socket(connection, server_side=True) as secured:
                        while secured.recv(4096):
                            secured.sendall(b"+PONG\r\n")
                except OSError:
                    if listener.fileno() < 0:
                        return

        Thread(target=serve, daemon=True).start()
        found = resp.detect("127.0.0.1", listener.getsockname()[1], [], tls=True)
    assert found is not None
    assert found.tls
    keys = {line.key: line.value for line in found.protocol.load_keys(found)}
    assert keys["tls.insecure"] is True
