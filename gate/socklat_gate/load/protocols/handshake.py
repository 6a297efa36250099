"""Detection by one fixed request and how its response begins."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from socklat_gate.load.protocols.protocol import DetectedProtocol, LoadKey, OwnRequest
from socklat_gate.load.protocols.tls_detection import ANY_CERTIFICATE, tls_socket

__all__ = ["TRY_TIMEOUT_S", "Handshake", "usual_latency_s"]

TRY_TIMEOUT_S = 2.0
REPEAT_FOR_S = 2.0
REPEAT_TIMES = 20
MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Handshake:
    """`Detector` of services whose response to ``request`` begins with one of ``responses``.

    ``keys`` are the lines of ``[load]``, and ``requests`` what is sent in place of a stand-in.
    ``repeats``: the request can be sent again on the same connection.  ``alpn`` is what is offered
    over TLS.
    """

    name: str
    ports: tuple[int, ...]
    request: bytes
    responses: tuple[bytes, ...]
    driver: str
    keys: tuple[LoadKey, ...]
    repeats: bool = True
    hints: tuple[str, ...] = ()
    requests: tuple[OwnRequest, ...] = ()
    stand_in: bool = True
    alpn: tuple[str, ...] = ()

    def detect(
        self,
        host: str,
        port: int,
        paths: Sequence[str] = (),  # noqa: ARG002 - it has no paths
        *,
        tls: bool = False,
    ) -> DetectedProtocol | None:
        """One exchange, and some more for the latency; see `Detector`."""
        if (tls and self.driver == "command") or not self._responds(host, port, tls=tls):
            return None
        latency_s = 0.0
        if self.repeats:
            with suppress(OSError):
                latency_s = self._latency_s(host, port, tls=tls)
        return DetectedProtocol(self, latency_s=latency_s, verified=True, tls=tls)

    def load_keys(self, found: DetectedProtocol) -> Iterable[LoadKey]:
        """The driver and ``keys``."""
        other = "" if self.driver == "command" else "; or the command of another tool"
        secured = (ANY_CERTIFICATE,) if found.tls else ()
        return (LoadKey("driver", self.driver, f"{self.name}{other}"), *secured, *self.keys)

    def _responds(self, host: str, port: int, *, tls: bool) -> bool:
        try:
            with closing(_connected(host, port, self.alpn, tls=tls)) as connection:
                return self._exchange(connection).startswith(self.responses)
        except OSError:
            return False

    def _exchange(self, connection: socket.socket) -> bytes:
        connection.sendall(self.request)
        return connection.recv(MAX_BYTES)

    def _latency_s(self, host: str, port: int, *, tls: bool) -> float:
        with closing(_connected(host, port, self.alpn, tls=tls)) as connection:
            return usual_latency_s(lambda: self._exchange(connection))


def _connected(host: str, port: int, alpn: Sequence[str], *, tls: bool) -> socket.socket:
    connection = socket.create_connection((host, port), timeout=TRY_TIMEOUT_S)
    if not tls:
        return connection
    try:
        return tls_socket(connection, *alpn)
    except BaseException:
        connection.close()
        raise


def usual_latency_s(exchange: Callable[[], object]) -> float:
    """Lower quartile of up to `REPEAT_TIMES` exchanges within `REPEAT_FOR_S`; 0 without any.

    Whatever else a machine does makes responses slower, never faster.
    """
    took_s: list[float] = []
    end_s = time.monotonic() + REPEAT_FOR_S
    while len(took_s) < REPEAT_TIMES and time.monotonic() < end_s:
        started_s = time.perf_counter()
        exchange()
        took_s.append(time.perf_counter() - started_s)
    return sorted(took_s)[len(took_s) // 4] if took_s else 0.0
