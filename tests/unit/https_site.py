"""A service over HTTPS on 127.0.0.1 in a thread."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.certificates import Issued

__all__ = ["https_site"]


@contextmanager
def https_site(issued: Issued, status_of: Callable[[str], int]) -> Iterator[int]:
    """Its port; the status of a response is that of the request's path."""

    class Pages(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status_of(self.path))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    class Site(ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            pass  # a handshake that fails, which is what some tests are about

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.both)
    with Site(("127.0.0.1", 0), Pages) as server:
        # The handshake is each handler's own, so that one that fails ends no other.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
