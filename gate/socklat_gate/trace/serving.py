"""The live summary over HTTP, for a dashboard: ``/metrics``, for as long as the trace lasts.

Bounded: a request has a few seconds and no body, and of more connections than `MOST` at once the
oldest is closed, so that none that drips or hangs keeps a scraper out.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any

from socklat_gate.errors import Reason, UsageError

__all__ = ["Address", "MetricsServer", "address_of"]

LOOPBACK = "127.0.0.1"
PATH = "/metrics"
MOST = 8
WITHIN_S = 5.0
POLL_S = 0.1

Address = tuple[str, int]
Render = Callable[[str], tuple[bytes, str]]
"""Text and content type by the request's ``Accept``."""


def address_of(text: str) -> Address:
    """``PORT``, ``:PORT``, ``ADDR:PORT`` or ``[ADDR]:PORT``; without an address the loopback one.

    Raises `UsageError` (BAD_ARGUMENT).
    """
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if (":" in bare) != (host != bare) or not (port.isascii() and port.isdigit()):
        raise _refusal(text, "it is not PORT, ADDR:PORT or [IPV6]:PORT")
    if int(port) > 65_535:
        raise _refusal(text, "a port is at most 65535")
    return bare or LOOPBACK, int(port)


class MetricsServer:
    """A context manager: listens from the beginning, answers from `start` on, gone at its end.

    Raises `UsageError` (BAD_ARGUMENT) when it cannot listen there.
    """

    def __init__(self, address: Address) -> None:
        host, port = address
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            family, _, _, _, place = found[0]
            self._server = _Server(family, (str(place[0]), int(place[1])))
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise _refusal(_written(host, port), why) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), name="metrics", daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens, with the port that the system chose for 0."""
        return f"http://{_written(*self._server.server_address[:2])}{PATH}"

    @property
    def is_public(self) -> bool:
        """Whether others than this machine may reach it."""
        return not ipaddress.ip_address(str(self._server.server_address[0])).is_loopback

    def start(self, render: Render) -> None:
        """Answer from now on: in threads that have the capabilities that the caller has now.

        ``render`` is called in one of its own for each request; what it raises is the client's 500.
        """
        self._server.render = render
        self._thread.start()

    def __enter__(self) -> MetricsServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._server.close_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = MOST

    render: Render

    def __init__(self, family: int, place: Address) -> None:
        self.address_family = family
        self._open: dict[int, socket.socket] = {}
        self._lock = threading.Lock()
        super().__init__(place, _Handler)

    def server_bind(self) -> None:
        # The class above asks the resolver for this machine's name, which may take long.
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            oldest = next(iter(self._open.values())) if len(self._open) >= MOST else None
            self._open[id(request)] = request
        if oldest is not None:
            self._forget(oldest)
            _end(oldest)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._forget(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or that was sent away, is nobody's concern."""

    def close_all(self) -> None:
        """End what is still open."""
        with self._lock:
            left = list(self._open.values())
            self._open.clear()
        for one in left:
            _end(one)

    def _forget(self, request: socket.socket) -> None:
        with self._lock:
            self._open.pop(id(request), None)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "socklat-gate"
    sys_version = ""
    timeout = WITHIN_S

    def do_GET(self) -> None:
        self._respond(with_body=True)

    def do_HEAD(self) -> None:
        self._respond(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: stderr shows the trace."""

    def _respond(self, *, with_body: bool) -> None:
        status, content_type = HTTPStatus.OK, "text/plain; charset=utf-8"
        if self.path.partition("?")[0] == PATH:
            try:
                body, content_type = self.server.render(self.headers.get("Accept") or "")
            except Exception:  # a scrape shows it, the trace goes on
                status, body = HTTPStatus.INTERNAL_SERVER_ERROR, b"the metrics have a defect\n"
        else:
            status, body = HTTPStatus.NOT_FOUND, f"it is at {PATH}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def _end(connection: socket.socket) -> None:
    """Wake whoever reads it, and let its thread close it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _written(host: object, port: object) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def _refusal(text: str, why: str) -> UsageError:
    return UsageError(
        Reason.BAD_ARGUMENT,
        f"--listen {text}: {why}",
        remedy="give a free port, or an address of this machine and a free port: 127.0.0.1:9464",
    )
