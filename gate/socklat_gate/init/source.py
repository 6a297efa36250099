"""What a user points at: an image, a Dockerfile or a compose file; and what it declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socklat_gate.errors import Reason, UsageError
from socklat_gate.init.build_source import built_name, is_dockerfile, order_of, relative_to
from socklat_gate.service.built_images import BuiltImages
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.compose import read_stack
from socklat_gate.service.compose_files import DEFAULT_NAMES, stack_files
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef, resolve_image
from socklat_gate.service.stack_build import stack_image

__all__ = ["UNNAMED", "Source", "chosen_port", "find_source", "named_source", "scenario_name"]

NAME_LENGTH = 63
UNNAMED = "service:candidate"
"""Stands for an image that nobody has named."""

_HEALTH_URL = re.compile(
    r"(?<![\w.-])(?:https?://)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|\$\{?HOSTNAME\}?)"
    r"(?::(?:\d+|\$\w+|\$\{[^}\s]*\}))?(/[^\s'\"|;&)]*)"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A thing to gate: a ``name`` for it, and the ``keys`` of ``[service]`` that start it.

    ``ports`` are the TCP ports that it declares, in order; ``health_path`` is that of the URL
    which its health check requests, or empty; ``has_healthcheck``: it has one.
    """

    name: str
    keys: Mapping[str, str | Mapping[str, str]]
    image: ImageRef
    ports: tuple[int, ...] = ()
    health_path: str = ""
    has_healthcheck: bool = False

    def __str__(self) -> str:
        return ", ".join(f"{key} {value!r}" for key, value in self.keys.items())


def find_source(
    client: DockerClient,
    given: str,
    beside: Path,
    on_phase: Callable[[str], None],
    service: str | None = None,
) -> Source:
    """What ``given`` names; a directory is built, or brought up when it has a compose file only.

    ``beside`` is the directory that the scenario will be in, where relative paths start;
    ``service`` the one under test of a compose file.  Raises `UsageError` as `BuiltImages.build`,
    `resolve_image` and `read_stack` do.
    """
    path = _file_of(Path(given))
    if path.is_file() and path.suffix in (".yml", ".yaml"):
        return _of_stack(client, path, beside, on_phase, service)
    keys: Mapping[str, str | Mapping[str, str]]
    if path.is_dir() or is_dockerfile(path):
        order, how = order_of(path, beside)
        with BuiltImages(client) as built:
            image = built.build(order, on_phase)
        name, keys = built_name(path), {"build": how}
    else:
        image = resolve_image(client, given, on_phase)
        name, keys = _image_name(given), {"image": given}
    config = _config(client, image)
    return Source(
        scenario_name(name),
        keys,
        image,
        _exposed_ports(config),
        _health_path(config.get("Healthcheck")),
        bool(_health_test(config.get("Healthcheck"))),
    )


def named_source(given: str, beside: Path) -> Source | None:
    """What ``given`` names, without a look at it; None for a compose file, which has to be read.

    A directory with neither file is `UNNAMED`: its image is for the reader to name.
    """
    path = _file_of(Path(given))
    if path.is_file() and path.suffix in (".yml", ".yaml"):
        return None
    if is_dockerfile(path) or (path / "Dockerfile").exists():
        _, how = order_of(path, beside)
        return Source(scenario_name(built_name(path)), {"build": how}, ImageRef(given, "", ""))
    if not path.is_dir():
        return Source(scenario_name(_image_name(given)), {"image": given}, ImageRef(given, "", ""))
    name = scenario_name(path.resolve().name)
    return Source(name, {"image": UNNAMED}, ImageRef(UNNAMED, "", ""))


def _file_of(path: Path) -> Path:
    """The directory of a Dockerfile, or the compose file of a directory without one."""
    if path.is_file() and path.name == "Dockerfile":
        return path.parent
    if path.is_dir() and not (path / "Dockerfile").exists():
        return next((path / name for name in DEFAULT_NAMES if (path / name).exists()), path)
    return path


def _image_name(reference: str) -> str:
    return re.split(r"[:@]", reference.rpartition("/")[2])[0]


def _of_stack(
    client: DockerClient,
    path: Path,
    beside: Path,
    on_phase: Callable[[str], None],
    service: str | None,
) -> Source:
    files = stack_files(path.name, path.parent)
    services = read_stack(files).document.get("services") or {}
    chosen = service or (next(iter(services)) if len(services) == 1 else "")
    if chosen not in services:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{path} has {', '.join(sorted(services)) or 'no service'}: which one is under test?",
            remedy="name it with --service",
        )
    with BuiltImages(client) as built:
        image = stack_image(client, files, chosen, on_phase, built)
    config, definition = _config(client, image), services[chosen]
    ports = _of_definition(definition) or _exposed_ports(config)
    check = definition.get("healthcheck") or config.get("Healthcheck")
    keys = {"compose": relative_to(path, beside), "service": chosen}
    health = _health_path(check), bool(_health_test(check))
    return Source(scenario_name(chosen), keys, image, ports, *health)


def chosen_port(source: Source, given: int | None) -> int:
    """The port given, else the first that the image declares.

    Raises `UsageError` (BAD_ARGUMENT) when it declares none.
    """
    if given is not None:
        return given
    if source.ports:
        return source.ports[0]
    raise UsageError(
        Reason.BAD_ARGUMENT,
        f"{source} declares no TCP port (EXPOSE), and was not seen to listen on one",
        remedy="give the port on which it listens inside the container: --port 8080",
    )


def scenario_name(text: str) -> str:
    """``text`` as a scenario may be called: lower case, digits, dots, dashes, underscores."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("._-")
    return name[:NAME_LENGTH].rstrip("._-") or "service"


def _config(client: DockerClient, image: ImageRef) -> Mapping[str, Any]:
    with daemon_errors(f"inspecting image {image.reference}"):
        return client.api.inspect_image(image.id).get("Config") or {}


def _exposed_ports(config: Mapping[str, Any]) -> tuple[int, ...]:
    declared = (entry.partition("/") for entry in config.get("ExposedPorts") or {})
    return tuple(sorted(int(port) for port, _, kind in declared if kind in ("", "tcp")))


def _of_definition(definition: Mapping[str, Any]) -> tuple[int, ...]:
    """Ports inside the container that a compose file publishes or exposes, without ranges."""
    written = [
        str(entry.get("target", "")) if isinstance(entry, Mapping) else str(entry)
        for entry in (*(definition.get("ports") or ()), *(definition.get("expose") or ()))
    ]
    inside = [text.rpartition(":")[2].partition("/") for text in written]
    found = [int(port) for port, _, kind in inside if port.isdigit() and kind in ("", "tcp")]
    return tuple(dict.fromkeys(found))


def _health_path(check: Mapping[str, Any] | None) -> str:
    """The path that a health check requests, as images or compose files have it."""
    found = _HEALTH_URL.search(_health_test(check))
    return found[1] if found else ""


def _health_test(check: Mapping[str, Any] | None) -> str:
    """What a health check runs, in one line; empty where there is none, or it is switched off."""
    check = check or {}
    test = check.get("Test") or check.get("test") or []
    # A dollar of a compose file's is doubled.
    text = (test if isinstance(test, str) else " ".join(test)).replace("$$", "$")
    return "" if check.get("disable") or text in ("", "NONE") else text
