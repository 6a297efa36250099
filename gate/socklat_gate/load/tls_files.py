"""The settings of TLS as the ``ssl`` module has them; what is wrong with their files, by key."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

from socklat_gate.errors import Reason, UsageError

if TYPE_CHECKING:
    from socklat_gate.scenario.tls import Tls

__all__ = ["UnusableTlsFile", "make_context"]


class UnusableTlsFile(UsageError):
    """A file of ``load.tls`` is none of the kind that ``key`` wants (BAD_SCENARIO)."""

    def __init__(self, key: str, path: str, why: str) -> None:
        super().__init__(
            Reason.BAD_SCENARIO,
            f"load.tls.{key}: {path} cannot be used: {why}",
            remedy=f"name the right file; {_REMEDIES[key]}",
        )
        self.key = key


class _Encrypted(Exception):
    """A key wants a password."""


def make_context(tls: Tls, alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """For the connections to one service; ``alpn`` are the protocols to offer, best first.

    Its sessions are never resumed: each handshake is a full one.  Raises
    `UnusableTlsFile`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = (
        ssl.TLSVersion.TLSv1_3 if tls.min_version == "1.3" else ssl.TLSVersion.TLSv1_2
    )
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca_file is None:
        context.load_default_certs()
    else:
        _trust(context, tls.ca_file)
    if tls.cert_file is not None:
        _present(context, tls.cert_file, tls.key_file)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def _trust(context: ssl.SSLContext, ca_file: str) -> None:
    try:
        # The service's own certificate will do, though it is no CA's.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        raise UnusableTlsFile("ca_file", ca_file, "it holds no certificate in PEM") from None
    except (OSError, ValueError) as error:  # the latter for a path with a null byte
        raise UnusableTlsFile("ca_file", ca_file, _cause(error)) from None
    if not context.cert_store_stats()["x509"]:
        raise UnusableTlsFile("ca_file", ca_file, "it holds no certificate in PEM")


def _present(context: ssl.SSLContext, cert_file: str, key_file: str | None) -> None:
    for name, path in (("cert_file", cert_file), ("key_file", key_file)):
        try:
            if path is not None:
                with open(path, "rb"):
                    pass
        except (OSError, ValueError) as error:
            raise UnusableTlsFile(name, path or "", _cause(error)) from None

    def refuse() -> str:
        raise _Encrypted

    key = "cert_file" if key_file is None else "key_file"
    where = key_file or cert_file
    try:
        context.load_cert_chain(cert_file, key_file, refuse)
    except _Encrypted:
        raise UnusableTlsFile(
            key, where, "its key is encrypted: write it without a password"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UnusableTlsFile(
                key, where, f"its key is not that of cert_file {cert_file}"
            ) from None
        raise UnusableTlsFile(
            key, where, "a certificate and its key in PEM are wanted, and one is missing"
        ) from None


def _cause(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


_REMEDIES = {
    "ca_file": "or leave it out and set load.tls.insecure = true, which checks no certificate",
    "cert_file": "or leave it out if the service asks its clients for no certificate",
    "key_file": "without it the key is looked for in load.tls.cert_file",
}
