"""What a user points at, an image or a directory with a Dockerfile, and what its image declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from gate.errors import Reason, UsageError
from gate.service.client import daemon_errors
from gate.service.image import ImageRef, build_image, resolve_image

__all__ = ["Source", "chosen_port", "find_source", "scenario_name"]

NAME_LENGTH = 63
_HEALTH_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(/[^\s'\"|;&]*)")


@dataclass(frozen=True, slots=True)
class Source:
    """A thing to gate: a ``name`` for it, the key and value of ``[service]`` that give its image.

    ``ports`` are the TCP ports that the image declares, in order; ``health_path`` is that of the
    URL which its health check asks, or empty.
    """

    name: str
    key: str
    value: str
    image: ImageRef
    ports: tuple[int, ...]
    health_path: str

    def __str__(self) -> str:
        return f"{self.key} {self.value!r}"


def find_source(
    client: docker.DockerClient, given: str, beside: Path, say: Callable[[str], None]
) -> Source:
    """What ``given`` names: a directory (or the Dockerfile in it) is built, an image is pulled.

    ``beside`` is the directory that the scenario will be in, where relative paths start.  Raises
    `UsageError` as `build_image` and `resolve_image` do.
    """
    path = Path(given)
    if path.is_file() and path.name == "Dockerfile":
        path = path.parent
    if path.is_dir():
        image = build_image(client, path, say)
        key, value = "build", _relative(path, beside)
        name = path.resolve().name
    else:
        image = resolve_image(client, given, say)
        key, value = "image", given
        name = re.split(r"[:@]", given.rpartition("/")[2])[0]
    with daemon_errors(f"inspecting image {image.reference}"):
        config = client.api.inspect_image(image.id).get("Config") or {}
    return Source(
        scenario_name(name), key, value, image, _declared_ports(config), _health_path(config)
    )


def chosen_port(source: Source, asked: int | None) -> int:
    """The port asked for, else the first that the image declares.

    Raises `UsageError` (BAD_ARGUMENT) when it declares none.
    """
    if asked is not None:
        return asked
    if source.ports:
        return source.ports[0]
    raise UsageError(
        Reason.BAD_ARGUMENT,
        f"{source} declares no TCP port (EXPOSE)",
        remedy="say where the service listens inside the container: --port 8080",
    )


def scenario_name(text: str) -> str:
    """``text`` as a scenario may be called: lower case, digits, dots, dashes, underscores."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("._-")
    return name[:NAME_LENGTH].rstrip("._-") or "service"


def _relative(path: Path, beside: Path) -> str:
    try:
        return str(path.resolve().relative_to(beside.resolve()))
    except ValueError:
        return str(path.resolve())


def _declared_ports(config: Mapping[str, Any]) -> tuple[int, ...]:
    declared = (entry.partition("/") for entry in config.get("ExposedPorts") or {})
    return tuple(sorted(int(port) for port, _, kind in declared if kind in ("", "tcp")))


def _health_path(config: Mapping[str, Any]) -> str:
    test = (config.get("Healthcheck") or {}).get("Test") or []
    found = _HEALTH_URL.search(" ".join(test))
    return found[1] if found else ""
