"""A Docker daemon on a unix socket that fails as it is told to, and remembers what it was asked."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["RESET", "FakeDaemon", "Fault", "fake_daemon"]

RESET = "reset"


@dataclass
class Fault:
    """What becomes of the next ``times`` requests whose method and path match ``request``.

    ``status`` and ``message`` are responded; ``kind`` "reset" closes the connection before, "lost"
    after the request was carried out, "half" within the response; "hang" responds after ``hang_s``.
    """

    request: str
    kind: str = "status"
    times: int = 1
    status: int = 500
    message: str = "the daemon is busy"
    hang_s: float = 0.0


@dataclass
class FakeDaemon:
    """``faults`` come in their order; ``asked`` has method and path of each request."""

    path: Path
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    networks: list[dict[str, Any]] = field(default_factory=list)
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    images: set[str] = field(default_factory=set)
    pulling: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_of(self, request: str) -> Fault | None:
        with self.lock:
            self.asked.append(request)
            for fault in self.faults:
                if fault.times and re.search(fault.request, request):
                    fault.times -= 1
                    return fault
        return None

    def count(self, request: str) -> int:
        return sum(bool(re.search(request, one)) for one in self.asked)

    def respond(  # noqa: PLR0911, PLR0912 - a route each
        self, method: str, path: str, query: dict[str, list[str]], body: Any
    ) -> Any:
        """Status and document."""
        if path == "/_ping":
            return 200, "OK"
        if path == "/version":
            return 200, {"ApiVersion": "1.44", "Version": "25", "Components": []}
        if path == "/info":
            return 200, {"KernelVersion": os.uname().release, "Name": "here", **self.info}
        if (method, path) == ("GET", "/networks"):
            return 200, self.networks
        if path == "/networks/create":
            if any(one["Name"] == body["Name"] for one in self.networks):
                return 409, {"message": f"network with name {body['Name']} already exists"}
            self.networks.append({"Id": "n1", **body})
            return 201, {"Id": "n1"}
        if path == "/containers/create":
            name = query["name"][0]
            if name in self.containers:
                return 409, {"message": f'The container name "/{name}" is already in use'}
            self.containers[name] = {"Id": f"id-{name}", "Name": f"/{name}", "Config": body}
            return 201, {"Id": f"id-{name}", "Warnings": []}
        if match := re.fullmatch(r"/containers/(.+)/start", path):
            again = match[1] in self.started
            self.started.append(match[1])
            return (304 if again else 204), None
        if match := re.fullmatch(r"/containers/(.+)/json", path):
            for name, one in self.containers.items():
                if match[1] in (name, one["Id"]):
                    return 200, one
            return 404, {"message": f"No such container: {match[1]}"}
        if path == "/images/create":
            name = f"{query['fromImage'][0]}:{query['tag'][0]}"
            if not any("error" in event for event in self.pulling):
                self.images.add(name)
            return 200, self.pulling
        if match := re.fullmatch(r"/images/(.+)/json", path):
            if match[1] in self.images:
                return 200, {"Id": "sha256:1d", "RepoDigests": []}
            return 404, {"message": f"No such image: {match[1]}"}
        return 404, {"message": f"page not found: {path}"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    daemon: FakeDaemon

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        parts = urlsplit(self.path)
        path = re.sub(r"^/v[0-9.]+(?=/)", "", parts.path)
        fault = self.daemon.fault_of(f"{self.command} {path}")
        if fault is not None and fault.kind == RESET:
            self._break_off()
            return
        if fault is not None and fault.kind == "status":
            self._send(fault.status, {"message": fault.message})
            return
        if fault is not None and fault.kind == "hang":
            time.sleep(fault.hang_s)
        with self.daemon.lock:
            status, document = self.daemon.respond(self.command, path, parse_qs(parts.query), body)
        if fault is not None and fault.kind == "lost":
            self._break_off()
        elif path == "/images/create":
            self._stream(document, whole=fault is None or fault.kind != "half")
        elif fault is not None and fault.kind == "half":
            self.send_response(status)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"[")
            self.wfile.flush()
            self._break_off()
        else:
            self._send(status, document)

    do_GET = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - names of the library

    def _send(self, status: int, document: Any) -> None:
        payload = b"" if document is None else json.dumps(document).encode()
        if isinstance(document, str):
            payload = document.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _stream(self, events: list[Any], *, whole: bool) -> None:
        """A chunk an event; the last one and the end are missing where it is not to be whole."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events if whole else events[:-1]:
            line = json.dumps(event).encode() + b"\r\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
        if whole:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self._break_off()

    def _break_off(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *args: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 1

    def handle_error(self, *args: object) -> None:
        pass  # a client that has given up


@contextmanager
def fake_daemon(directory: Path, *, accepts_after_s: float = 0.0) -> Iterator[FakeDaemon]:
    """Listens at ``path`` at once, and takes connections after a while."""
    daemon = FakeDaemon(directory / "docker.sock")
    handler = type("Handler", (_Handler,), {"daemon": daemon})
    with _Server(str(daemon.path), handler) as server:

        def serve() -> None:
            time.sleep(accepts_after_s)
            server.serve_forever(0.01)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield daemon
        finally:
            server.shutdown()
            thread.join()
