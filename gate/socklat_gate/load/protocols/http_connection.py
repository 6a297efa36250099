"""A connection for trying a service out: by no proxy, over TLS with any certificate."""

from __future__ import annotations

import ssl
from http.client import HTTPConnection, HTTPSConnection

from socklat_gate.load.protocols.authority import authority_of

__all__ = ["SERVER_NAME", "connect_http", "host_header"]

SERVER_NAME = "localhost"
"""What ``load.tls.server_name`` is by default."""


class _AnyCertificate(HTTPSConnection):
    """Says `SERVER_NAME` in the handshake, as the load will, whatever address it connects to."""

    def connect(self) -> None:
        """Connect, and shake hands."""
        HTTPConnection.connect(self)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        self.sock = context.wrap_socket(self.sock, server_hostname=SERVER_NAME)


def connect_http(host: str, port: int, timeout_s: float, *, tls: bool) -> HTTPConnection:
    """Not connected yet."""
    kind = _AnyCertificate if tls else HTTPConnection
    return kind(host, port, timeout=timeout_s)


def host_header(host: str, port: int, *, tls: bool) -> str:
    """What the load will call the host."""
    return authority_of(SERVER_NAME if tls else host, port, secure=tls)
