"""A path that responds well, where the obvious ones do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from socklat_gate.init.http_get import http_get
from socklat_gate.load.protocols.http_detection import ENDLESS, HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.measured.names import REDIRECT

__all__ = ["HEALTH_PATHS", "with_usual_path"]

HEALTH_PATHS = ("/health", "/healthz", "/ready", "/readyz", "/readiness", "/live", "/livez")
"""Where services usually tell that they are ready."""

USUAL_PATHS = (
    *("/api", "/api/v1", "/v1", "/index.html", "/status", "/version", "/ping"),
    *HEALTH_PATHS,
    *("/actuator/health", "/q/health", "/health/live", "/health/ready", "/_health", "/up", "/ok"),
    *("/api/health", "/metrics"),
)
"""The likelier one does real work, the earlier it comes."""


def with_usual_path(
    found: DetectedProtocol, host: str, port: int, on_phase: Callable[[str], None]
) -> DetectedProtocol:
    """What was found, at the first of `USUAL_PATHS` that responds well, if any does."""
    why = f"{found.path} responded {found.status}{ENDLESS if found.endless else ''}"
    for path in USUAL_PATHS:
        on_phase(f"trying {path}, since {why}")
        if not 0 < http_get(host, port, path, tls=found.tls).status < REDIRECT:
            continue
        tried = HTTP.detect(host, port, [path], tls=found.tls)
        if tried is not None and tried.status < REDIRECT and not tried.endless:
            return replace(tried, in_place_of=why)
    return found
