"""An HTTP service in a thread of the test's own process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["CHUNKED", "HOST", "UNBOUNDED", "Service", "endless", "served"]

HOST = "127.0.0.1"
TLS_RECORD = b"\x16"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNBOUNDED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@dataclass
class Service:
    """``asked`` are the requests so far, as ``GET /path``."""

    port: int
    asked: list[str] = field(default_factory=list)


@contextmanager
def served(pages: Mapping[str, tuple[int, str, bytes]]) -> Iterator[Service]:
    """Serves status, content type and body for each path, and 404 for any other."""

    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            service.asked.append(f"{self.command} {self.path}")
            status, kind, body = pages.get(self.path, (404, "text/plain", b""))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_DELETE = _respond  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    service = Service(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def endless(head: bytes, piece: bytes) -> Iterator[int]:
    """A service whose one response goes on until the client closes; TLS it does not speak."""
    over = threading.Event()

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            if connection.recv(1, socket.MSG_PEEK) != TLS_RECORD:
                break
            connection.close()
        with connection:
            try:
                connection.sendall(head)
                while not over.wait(0.01):
                    connection.sendall(piece)
            except OSError:
                return

    with socket.create_server((HOST, 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join()
