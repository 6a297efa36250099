"""Whether a service speaks TLS: by a handshake, whatever its port and its certificate."""

from __future__ import annotations

import socket

from socklat_gate.load.protocols.protocol import LoadKey

__all__ = ["ANY_CERTIFICATE", "SERVER_NAME", "asks_for_certificate", "speaks_tls", "tls_socket"]

_REFUSALS = ("CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_HANDSHAKE_FAILURE")
"""How TLS 1.3, and versions before it, say that a client should have a certificate."""

SERVER_NAME = "localhost"
"""What ``load.tls.server_name`` is by default."""

ANY_CERTIFICATE = LoadKey(
    "tls.insecure",
    True,
    "any certificate is accepted; to check it: tls.ca_file and tls.server_name",
)


def tls_socket(connection: socket.socket, *protocols: str) -> socket.socket:
    """The connection after a handshake that accepts any certificate.  Raises `OSError`."""
    import ssl  # noqa: PLC0415 - the load worker detects nothing

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context.wrap_socket(connection, server_hostname=SERVER_NAME)


def speaks_tls(host: str, port: int, timeout_s: float) -> bool:
    """Also where the handshake fails by an alert, as without a certificate of the client's own."""
    import ssl  # noqa: PLC0415

    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            tls_socket(connection).close()
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
    return True


def asks_for_certificate(host: str, port: int, timeout_s: float) -> bool:
    """Whether it refuses a client that has no certificate: TLS 1.3 says so after the handshake."""
    import ssl  # noqa: PLC0415

    try:
        with (
            socket.create_connection((host, port), timeout=timeout_s) as connection,
            tls_socket(connection) as secured,
        ):
            secured.recv(1)
    except ssl.SSLError as error:
        return any(said in (error.reason or "") for said in _REFUSALS)
    except OSError:
        pass
    return False
