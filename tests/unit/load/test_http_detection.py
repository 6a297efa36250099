"""At which path `init` loads a service that redirects, or responds badly."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from socklat_gate.init.detection import detect_at
from socklat_gate.load.protocols import http_detection
from socklat_gate.load.protocols.http_detection import HTTP
from tests.certificates import issue
from tests.unit.https_site import https_site
from tests.unit.init.http_service import HOST, UNBOUNDED, endless

PAGES: Mapping[str, int | str] = {
    "/": "/app/",
    "/app/": 200,
    "/relative": "app/",
    "/absolute": "http://{host}/app/",
    "/query": "/app/?from=/query",
    "/app/?from=/query": 200,
    "/twice": "/",
    "/round": "/round",
    "/lost": "/nowhere",
    "/elsewhere": "http://example.org/app/",
    "/secure": "https://{host}/app/",
    "/odd": "/a b\u00e9",
    "/nothing": 302,
    "/broken": 500,
    "/no-content": 204,
}


@contextmanager
def site(pages: Mapping[str, int | str] = PAGES) -> Iterator[int]:
    """The port of a service that responds a status, or redirects to a location."""

    class Pages(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            page = pages.get(self.path, 404)
            self.send_response(302 if isinstance(page, str) else page)
            if isinstance(page, str):
                self.send_header("Location", page.format(host=self.headers["Host"]))
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


@pytest.fixture(autouse=True)
def _one_request_for_the_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_detection, "usual_latency_s", lambda get: float(bool(get())))


@pytest.mark.parametrize(
    ("paths", "path", "status", "said"),
    [
        (["/"], "/app/", 200, "responded 200 just now; / redirects to it"),
        (["/relative"], "/app/", 200, "/relative redirects to it"),
        (["/absolute"], "/app/", 200, "/absolute redirects to it"),
        (["/query"], "/app/?from=/query", 200, "/query redirects to it"),
        (["/twice"], "/app/", 200, "/twice redirects to it"),
        (["/no-content"], "/no-content", 204, "responded 204 just now"),
        (["/round"], "/round", 302, "a redirect to /round that is not followed: name a path"),
        (["/lost"], "/lost", 302, "a redirect to /nowhere that is not followed"),
        (["/elsewhere"], "/elsewhere", 302, "302 just now, a redirect that is not followed"),
        (["/secure"], "/secure", 302, "302 just now, a redirect that is not followed"),
        (["/odd"], "/odd", 302, "302 just now, a redirect that is not followed"),
        (["/nothing"], "/nothing", 302, "302 just now, a redirect that is not followed"),
        (["/broken"], "/broken", 500, "which counts as an error: name a path that responds well"),
        # the first that responds well, else the first that redirects, else the last
        (["/broken", "/elsewhere", "/app/"], "/app/", 200, "responded 200 just now"),
        (["/broken", "/elsewhere", "/missing"], "/elsewhere", 302, "is not followed"),
        (
            ["/broken", "/missing"],
            "/missing",
            404,
            "responded 404 just now: name a path that responds well",
        ),
    ],
)
def test_the_path_that_is_loaded_and_what_is_said_of_it(
    paths: list[str], path: str, status: int, said: str
) -> None:
    with site() as port:
        found = detect_at("127.0.0.1", port, paths)
    assert found.protocol is HTTP
    assert (found.path, found.status, found.verified) == (path, status, True)
    (line,) = [line for line in HTTP.load_keys(found) if line.key == "path"]
    assert line.value == path
    assert said in line.comment
    assert "\n" not in line.comment


def https_pages(path: str) -> int:
    return {"/health": 200, "/": 404}.get(path, 404)


def test_a_service_of_https_is_recognised_by_a_handshake(tmp_path: Path) -> None:
    """Whatever its certificate, which the scenario's first lines accept as it is."""
    expired = issue(tmp_path, "s", names=["elsewhere"], valid=timedelta(days=-1))
    with https_site(expired, https_pages) as port:
        found = detect_at("127.0.0.1", port, ["/health", "/"])
    assert found.protocol is HTTP
    assert (found.tls, found.path, found.status, found.verified) == (True, "/health", 200, True)
    lines = {line.key: line for line in HTTP.load_keys(found)}
    assert lines["tls.insecure"].value is True
    assert "tls.ca_file" in lines["tls.insecure"].comment


def test_a_400_in_the_clear_is_asked_again_over_tls() -> None:
    """Servers of HTTPS say so to plain requests; one of HTTP that does stays what it is."""
    with site({"/": 400}) as port:
        found = detect_at("127.0.0.1", port)
    assert (found.tls, found.status) == (False, 400)


def test_a_redirect_over_tls_stays_there() -> None:
    assert http_detection._own_path("https://localhost:1/a", "/b") == "/b"
    assert http_detection._own_path("https://localhost/a", "https://localhost:443/b") == "/b"
    assert http_detection._own_path("https://localhost:1/a", "http://localhost:1/b") == ""


def test_a_stream_without_an_end_is_detected_by_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_detection, "TRY_TIMEOUT_S", 0.2)
    with endless(UNBOUNDED, b":\n\n") as port:
        found = HTTP.detect(HOST, port, ["/"])
    assert found is not None
    assert (found.status, found.verified, found.latency_s) == (200, True, 0.0)
    assert found.endless
    (comment,) = [key.comment for key in HTTP.load_keys(found) if key.key == "path"]
    assert "a body that is not over after" in comment


def test_how_long_the_body_waits_behind_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent apart and by Nagle's algorithm, it waits for the client's delayed acknowledgement."""
    monkeypatch.setattr(http_detection, "usual_latency_s", lambda get: [get() for _ in "123"] and 1)

    class Apart(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 0

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            if self.path == "/slow":
                time.sleep(0.1)
            self.wfile.write(b"ok")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Apart) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            waits_s = [
                HTTP.detect("127.0.0.1", server.server_address[1], [path]).body_wait_s
                for path in ("/", "/slow")
            ]
        finally:
            server.shutdown()
    assert 0.03 < waits_s[0] < 0.08
    assert waits_s[1] > 0.09
