"""A connection for trying a service out: by no proxy, over TLS with any certificate."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection

from socklat_gate.load.protocols.authority import authority_of
from socklat_gate.load.protocols.tls_detection import SERVER_NAME, tls_socket

__all__ = ["SERVER_NAME", "connect_http", "host_header", "read_body"]

CHUNK = 65_536


class _AnyCertificate(HTTPSConnection):
    """Says `SERVER_NAME` in the handshake, as the load will, whatever address it connects to."""

    def connect(self) -> None:
        """Connect, and shake hands."""
        HTTPConnection.connect(self)
        self.sock = tls_socket(self.sock, "http/1.1")


def connect_http(host: str, port: int, timeout_s: float, *, tls: bool) -> HTTPConnection:
    """Not connected yet."""
    kind = _AnyCertificate if tls else HTTPConnection
    return kind(host, port, timeout=timeout_s)


def host_header(host: str, port: int, *, tls: bool) -> str:
    """What the load will call the host."""
    return authority_of(SERVER_NAME if tls else host, port, secure=tls)


def read_body(response: HTTPResponse, most_bytes: int, timeout_s: float) -> bytes:
    """The first ``most_bytes`` of a body.  Raises `TimeoutError` when it is not there in time.

    `HTTPResponse.read` would wait for as many bytes, however slowly they come.
    """
    started_s, body, whole = time.monotonic(), bytearray(), response.length
    length = most_bytes if whole is None else min(most_bytes, whole)
    while len(body) < length:
        some = response.read1(min(CHUNK, length - len(body)))
        if not some:
            break
        body += some
        if time.monotonic() - started_s > timeout_s:
            raise TimeoutError("the body does not end")
    if len(body) == whole:
        response.close()  # which `read1` forgets: the connection is free for another request
    return bytes(body)
