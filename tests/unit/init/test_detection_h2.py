"""Services that speak HTTP/2 alone, and those that want a client's certificate."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from socklat_gate.init.detection import detect_at
from socklat_gate.init.finding import Finding
from socklat_gate.init.scenario_text import scenario_text
from socklat_gate.init.source import Source
from socklat_gate.load.protocols import http_detection
from socklat_gate.load.protocols.http2_detection import HTTP2
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.service.image import ImageRef
from tests.certificates import issue

SOURCE = Source("shop", {"image": "shop:dev"}, ImageRef("shop:dev", "sha256:0", ""), (8080,))
SETTINGS = bytes((0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100, 0, 4, 0, 1, 0, 0))
GO_AWAY = bytes((0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1))


@contextmanager
def frames_only(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Says its settings first, as gRPC servers do, and ends what is no HTTP/2."""

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            connection.sendall(SETTINGS)
            connection.settimeout(2)
            if connection.recv(24).startswith(b"PRI"):
                connection.recv(100)
            else:
                connection.sendall(GO_AWAY)

    def accept() -> None:
        with suppress(OSError):
            while True:
                Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(autouse=True)
def _one_request_for_the_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_detection, "usual_latency_s", lambda get: float(bool(get())))


@pytest.mark.parametrize("secured", [False, True])
def test_a_service_that_speaks_http_2_alone(tmp_path: Path, secured: bool) -> None:
    context = None
    if secured:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issue(tmp_path, "shop").both)
        context.set_alpn_protocols(["h2"])
    with frames_only(context) as port:
        found = detect_at("127.0.0.1", port)
    assert (found.protocol, found.verified, found.tls) == (HTTP2, True, secured)
    path = tmp_path / "socklat.toml"
    path.write_text(scenario_text(SOURCE, Finding(found, 8080)))
    load = load_scenario(path).load
    assert (load.driver, load.http, bool(load.tls), load.stand_in) == ("http", "2", secured, True)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_service_that_asks_for_a_certificate(tmp_path: Path, version: ssl.TLSVersion) -> None:
    issued = issue(tmp_path, "shop")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.both)
    context.load_verify_locations(issued.cert_file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    with frames_only(context) as port:
        found = detect_at("127.0.0.1", port)
    assert not found.verified
    assert found.tls
    assert found.problem.startswith("it asks for a client's certificate: set tls.cert_file")
