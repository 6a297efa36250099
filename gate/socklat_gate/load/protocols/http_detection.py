"""HTTP as `init` recognises it: by a GET, and at which path to load it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from statistics import median
from urllib.parse import urljoin, urlsplit

from socklat_gate.load.protocols.handshake import TRY_TIMEOUT_S, usual_latency_s
from socklat_gate.load.protocols.protocol import DetectedProtocol, LoadKey, OwnRequest
from socklat_gate.load.protocols.tls_detection import ANY_CERTIFICATE
from socklat_gate.measured.names import BAD_STATUS, REDIRECT

__all__ = ["ENDLESS", "HTTP"]

USUAL_PORTS = {"http": 80, "https": 443}
MAX_REDIRECTS = 3
MOST_BODY = 16_000_000
ENDLESS = f" with a body that is not over after {TRY_TIMEOUT_S:g} s"
_PATH = re.compile(r"/[!-~]*")


class _HttpDetector:
    """`Detector` by GET, without proxies; a redirect leads to another path to try, if to any."""

    name = "HTTP"
    ports = ()
    driver = "http"
    requests: tuple[OwnRequest, ...] = ()
    stand_in = True
    hints = (
        'method = "POST"',
        'headers = { "Content-Type" = "application/json" }',
        'body = "{}"',
        "expect = { status = [200], min_bytes = 1 }",
    )

    def detect(
        self, host: str, port: int, paths: Sequence[str], *, tls: bool = False
    ) -> DetectedProtocol | None:
        """At the first of ``paths``, or where it redirects to, that responds well.

        Else at the first that redirects, else at the last; None when none responds in HTTP.
        """
        found: DetectedProtocol | None = None
        for path in paths:
            tried = self._follow(host, port, path, tls=tls)
            if tried is None:
                continue
            if tried.status < REDIRECT and not tried.endless:
                return tried
            if found is None or found.status >= BAD_STATUS:
                found = tried
        return found

    def _follow(self, host: str, port: int, path: str, *, tls: bool) -> DetectedProtocol | None:
        """What ``path`` responds, or what it redirects to on the same service and that is there."""
        first = self._get(host, port, path, tls=tls)
        found = first
        for _ in range(MAX_REDIRECTS):
            if found is None or not REDIRECT <= found.status < BAD_STATUS or not found.location:
                break
            found = self._get(host, port, found.location, tls=tls)
        if first is None or found is None or found is first or found.status >= REDIRECT:
            return first
        return replace(found, redirected_from=path)

    def _get(self, host: str, port: int, path: str, *, tls: bool) -> DetectedProtocol | None:
        # Heavy, and the load's worker needs none of it.  Other clients follow redirects, fail on
        # odd locations, or go by a proxy, which would respond in the service's place.
        from http.client import HTTPException  # noqa: PLC0415

        from socklat_gate.load.protocols.http_connection import (  # noqa: PLC0415
            connect_http,
            host_header,
            read_body,
        )

        connection = connect_http(host, port, TRY_TIMEOUT_S, tls=tls)
        name = host_header(host, port, tls=tls)
        headers = {"User-Agent": "socklat-gate", "Host": name}

        def get() -> tuple[int, str]:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            head_s = time.monotonic()
            try:
                read_body(response, MOST_BODY, TRY_TIMEOUT_S)
            except TimeoutError:  # a stream without an end has a status all the same
                endless.append(path)
            waits_s.append(time.monotonic() - head_s)
            return response.status, response.headers.get("Location") or ""

        failures = (OSError, HTTPException, ValueError)
        latency_s, endless = 0.0, list[str]()
        waits_s: list[float] = []
        with closing(connection):
            try:
                status, location = get()
            except failures:
                return None
            if not endless:
                with suppress(*failures):  # one that closes without saying so
                    latency_s = usual_latency_s(get)
        return DetectedProtocol(
            self,
            path,
            status,
            latency_s,
            verified=True,
            location=_own_path(f"{'https' if tls else 'http'}://{name}{path}", location),
            tls=tls,
            # The first response of a connection is acknowledged at once.
            body_wait_s=median(waits_s[1:]) if waits_s[1:] else 0.0,
            endless=bool(endless),
        )

    def load_keys(self, found: DetectedProtocol) -> Iterator[LoadKey]:
        """Driver and path, with what the path responded."""
        other = 'or "tcp" with payload and response, or "command" for another tool'
        yield LoadKey("driver", self.driver, other)
        if found.tls:
            yield ANY_CERTIFICATE
        yield LoadKey("path", found.path, _response_text(found))
        if found.is_refused:
            comment = "so that it is no error: remove it with another path"
            yield LoadKey("expect.status", [found.status], comment)


def _own_path(url: str, location: str) -> str:
    """The path that a redirect of ``url`` leads to, if it is one of the same service; else ""."""
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, location))
        usual = USUAL_PORTS[here.scheme]
        same = (there.scheme, there.hostname, there.port or usual) == (
            here.scheme,
            here.hostname,
            here.port or usual,
        )
    except ValueError:
        return ""
    path = (there.path or "/") + (f"?{there.query}" if there.query else "")
    return path if location and same and _PATH.fullmatch(path) else ""


def _response_text(found: DetectedProtocol) -> str:
    """What the path responded, and what is to be thought of it."""
    if not found.verified:
        return "not tried"
    text = f"responded {found.status} just now"
    if found.redirected_from:
        return f"{text}; {found.redirected_from} redirects to it"
    if found.in_place_of:
        return f"{text}; {found.in_place_of}: name a path that the service is for"
    if found.status >= BAD_STATUS or found.endless:
        counts = "" if found.is_refused else ", which counts as an error"
        return f"{text}{ENDLESS if found.endless else counts}: name a path that responds well"
    if found.status >= REDIRECT:
        where = f" to {found.location}" if found.location else ""
        return f"{text}, a redirect{where} that is not followed: name a path that responds itself"
    return text


HTTP = _HttpDetector()
