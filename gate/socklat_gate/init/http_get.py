"""One GET of a service that `init` has started: bounded, by no proxy, no redirect followed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException

from socklat_gate.load.protocols.handshake import TRY_TIMEOUT_S
from socklat_gate.load.protocols.http_connection import connect_http, host_header, read_body

__all__ = ["Got", "http_get"]

CHUNK = 65_536
AGENT = {"User-Agent": "socklat-gate"}


@dataclass(frozen=True, slots=True)
class Got:
    """A response: ``status`` 0 for none, the first bytes of the body, and how long it took."""

    status: int
    content_type: str = ""
    body: bytes = b""
    took_s: float = 0.0


def http_get(
    host: str,
    port: int,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    most_bytes: int = CHUNK,
    tls: bool = False,
) -> Got:
    """What ``path`` responds, its first ``most_bytes``; none if that takes over `TRY_TIMEOUT_S`.

    The time is that of the exchange, without the connection.
    """
    usual = {**AGENT, "Host": host_header(host, port, tls=tls)}
    given = {name.lower() for name in headers or {}}
    kept = {name: text for name, text in usual.items() if name.lower() not in given}
    with closing(connect_http(host, port, TRY_TIMEOUT_S, tls=tls)) as connection:
        try:
            connection.connect()
            started_s = time.monotonic()
            connection.request(method, path, headers={**kept, **(headers or {})})
            response = connection.getresponse()
            body = read_body(response, most_bytes, TRY_TIMEOUT_S)
        except (OSError, HTTPException, ValueError):
            return Got(0)
        kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    return Got(response.status, kind, body, time.monotonic() - started_s)
