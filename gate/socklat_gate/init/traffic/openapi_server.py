"""Where an OpenAPI document says that its service is, and how it lets requests in."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from socklat_gate.init.scrub.headers import SECRET_HEADERS
from socklat_gate.init.traffic.openapi_document import Document, Pointer

__all__ = ["secrets_of", "server_of"]

_PORTS = {"http": 80, "https": 443}


def server_of(document: Document) -> tuple[int | None, str]:
    """Port and base path of the first server; its host is the container's."""
    data = document.data
    if isinstance(data.get("basePath"), str) or "swagger" in data:
        host = data.get("host")
        return _port(f"//{host}" if isinstance(host, str) else ""), str(data.get("basePath") or "")
    servers = data.get("servers")
    if servers is None:
        return None, ""
    at: Pointer = ("servers", 0)
    if not isinstance(servers, list) or not servers:
        raise document.problem("servers is no list", ("servers",))
    server = document.resolved(servers[0], at)
    url = server.get("url")
    if not isinstance(url, str):
        raise document.problem("servers.0 has no url", at)
    variables = server.get("variables")
    for name, one in variables.items() if isinstance(variables, Mapping) else ():
        default = one.get("default") if isinstance(one, Mapping) else None
        url = url.replace(f"{{{name}}}", str(default) if isinstance(default, str) else "")
    try:
        path = urlsplit(url).path
    except ValueError:
        raise document.problem("servers.0.url is no URL", (*at, "url")) from None
    return _port(url), path if path.startswith("/") else ""


def _port(url: str) -> int | None:
    try:
        parts = urlsplit(url)
        return parts.port or (_PORTS.get(parts.scheme) if parts.hostname else None)
    except ValueError:
        return None


def secrets_of(document: Document) -> frozenset[str]:
    """Headers by which the document's security schemes let requests in."""
    components = document.data.get("components")
    schemes = document.data.get("securityDefinitions") or (
        components.get("securitySchemes") if isinstance(components, Mapping) else None
    )
    found = set()
    for one in schemes.values() if isinstance(schemes, Mapping) else ():
        if not isinstance(one, Mapping):
            continue
        name = str(one.get("name", "")).lower()
        if one.get("type") == "apiKey":
            if one.get("in") == "header":
                found.add(name if name in SECRET_HEADERS else "x-api-key")
            elif one.get("in") == "cookie":
                found.add("cookie")
        elif one.get("type") in ("http", "oauth2", "openIdConnect", "basic"):
            found.add("authorization")
    return frozenset(found)
