"""What an HTTP request calls the host that it is sent to."""

from __future__ import annotations

__all__ = ["authority_of"]

HTTP_PORT, HTTPS_PORT = 80, 443


def authority_of(host: str, port: int, *, secure: bool) -> str:
    """Host and port as in a URL, without the usual one of ``http:`` or ``https:``."""
    name = f"[{host}]" if ":" in host else host
    return name if port == (HTTPS_PORT if secure else HTTP_PORT) else f"{name}:{port}"
