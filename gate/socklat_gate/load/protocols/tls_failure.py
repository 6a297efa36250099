"""Why a TLS connection failed, and what to do about it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from socklat_gate.load.protocols.parser import BadResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from socklat_gate.scenario.tls import Tls

__all__ = ["TlsFailed", "alpn_refused", "closed_early", "cut_off", "explain", "not_tls"]

SHOWN = 40

# Results of X509_verify_cert; verify(1) of OpenSSL.
UNKNOWN_ISSUERS = (2, 18, 19, 20, 21)
NOT_YET_VALID, EXPIRED = 9, 10
WRONG_NAMES = (62, 64)


class TlsFailed(BadResponse):
    """The handshake failed, or the service ended it; ``remedy`` is what to do."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"TLS: {cause}; {remedy}")
        self.cause = f"TLS: {cause}"
        self.remedy = remedy


def not_tls(beginning: bytes) -> TlsFailed:
    """What came first is no record of a handshake."""
    text = beginning[:SHOWN].decode("latin-1")
    return TlsFailed(
        f"what the service sent is no TLS, it begins with {text!r}",
        "take load.tls out if this port speaks without it, or name the port that does in "
        "service.port",
    )


def closed_early(*, established: bool = False) -> TlsFailed:
    """The connection ended in the handshake, or right after that, without an alert of TLS."""
    if established:
        return TlsFailed(
            "the service closed the connection after the handshake",
            "it may want a certificate of the client (load.tls.cert_file): see its log",
        )
    return TlsFailed(
        "the service closed the connection in the handshake",
        "it may speak no TLS there (take load.tls out), or want a certificate of the client "
        "(load.tls.cert_file): see its log",
    )


def cut_off() -> TlsFailed:
    """The connection ended in a response, and nothing says that this was its end."""
    return TlsFailed(
        "the connection ended in the middle of a response, without close_notify",
        "a response without Content-Length is complete only with that: RFC 8446, section 6.1",
    )


def alpn_refused(offered: Sequence[str], chosen: str | None = None) -> TlsFailed:
    """The service speaks none of the protocols that were offered."""
    said = f"it chose {chosen}" if chosen else "it refused them"
    return TlsFailed(
        f"of the application protocols (ALPN) {', '.join(offered)} the service takes none: {said}",
        'set load.http to what it does speak: "1.1" or "2"',
    )


def explain(error: ssl.SSLError, tls: Tls, offered: Sequence[str]) -> TlsFailed:
    """``error`` of OpenSSL in the words of the scenario; ``offered`` are the protocols of ALPN."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error, tls)
    reason = error.reason or ""
    if "NO_APPLICATION_PROTOCOL" in reason:
        return alpn_refused(offered)
    if "ALERT" in reason and any(word in reason for word in ("CERTIFICATE", "UNKNOWN_CA")):
        return _client_refused(reason, tls)
    for part, cause, remedy in _REASONS:
        if part in reason:
            return TlsFailed(cause.format(tls=tls), remedy)
    text = reason or error.strerror or str(error)
    return TlsFailed(text.replace("_", " ").lower(), "see the service's log")


_REASONS = (
    (
        "PROTOCOL",  # TLSV1_ALERT_PROTOCOL_VERSION, UNSUPPORTED_PROTOCOL
        "the service has no version of TLS from {tls.min_version} on",
        "lower load.tls.min_version, or let the service speak a version of today",
    ),
    (
        "UNRECOGNIZED_NAME",
        "the service knows no host {tls.server_name!r}",
        "set load.tls.server_name to a name that it serves",
    ),
    (
        "ALERT_HANDSHAKE_FAILURE",
        "the service refused the handshake",
        "it may want a certificate (load.tls.cert_file), another load.tls.server_name, or ciphers "
        "that OpenSSL here does not offer: see its log",
    ),
)
"""A part of OpenSSL's reason, the cause and the remedy."""


def _of_certificate(error: ssl.SSLCertVerificationError, tls: Tls) -> TlsFailed:
    code, issuer = error.verify_code, tls.ca_file or "the system's certificates"
    insecure = "set load.tls.insecure = true to accept any"
    if code in WRONG_NAMES:
        return TlsFailed(
            f"the service's certificate is not for load.tls.server_name = {tls.server_name!r}",
            f"set that to a name in the certificate, or {insecure}",
        )
    if code in UNKNOWN_ISSUERS:
        return TlsFailed(
            f"the service's certificate is signed by none of {issuer} ({error.verify_message})",
            f"name its CA, or the certificate itself, in load.tls.ca_file, or {insecure}",
        )
    if code in (EXPIRED, NOT_YET_VALID):
        return TlsFailed(
            f"the service's certificate is not valid today ({error.verify_message})",
            f"make a new one in the image, or {insecure}",
        )
    return TlsFailed(
        f"the service's certificate is refused ({error.verify_message})",
        f"see load.tls.ca_file ({issuer}), or {insecure}",
    )


def _client_refused(reason: str, tls: Tls) -> TlsFailed:
    said = reason.rpartition("ALERT_")[2].replace("_", " ").lower()
    if tls.cert_file is None:
        return TlsFailed(
            f"the service wants a certificate of the client ({said})",
            "name one in load.tls.cert_file, and its key in load.tls.key_file",
        )
    return TlsFailed(
        f"the service does not accept the client's certificate {tls.cert_file} ({said})",
        "name one in load.tls.cert_file that a CA of the service's has signed and that is valid",
    )
