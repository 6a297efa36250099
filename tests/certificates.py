"""Certificates for tests, made in place: none is stored, so none can expire in the repository."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Issued", "issue"]

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key in one PEM file, and apart."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    both: Path
    cert_file: Path
    key_file: Path


def issue(
    directory: Path,
    name: str,
    *,
    names: Sequence[str] = ("localhost",),
    by: Issued | None = None,
    valid: timedelta = DAY,
    password: bytes | None = None,
) -> Issued:
    """For the host ``names``, signed ``by`` another or by itself; ``valid`` < 0: it has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * DAY)
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )
    certificate = builder.sign(by.key if by else key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    )
    files = [directory / f"{name}{suffix}" for suffix in (".both.pem", ".cert.pem", ".key.pem")]
    for path, data in zip(files, (pem + key_pem, pem, key_pem), strict=True):
        path.write_bytes(data)
    return Issued(certificate, key, *files)


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
