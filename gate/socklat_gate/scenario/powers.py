"""What a scenario can do to the machine that measures it, beyond its containers.

Whoever writes a scenario is as good as root there.  Where that is a stranger, the workflow has to
say that it may (`job.powers`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from socklat_gate.scenario.model import Scenario
from socklat_gate.scenario.secret import SecretRef
from socklat_gate.scenario.tables import KeyPath

__all__ = ["Asked", "Power", "asked_by_scenario", "gives_docker", "is_outside"]

FILE_KEYS = {
    *("body_file", "build", "ca_file", "cert_file", "compose", "context", "descriptor_set"),
    *("feeder", "file", "import_paths", "key_file", "proto"),
}
"""Keys whose values are paths that this process, or Docker for it, reads."""

SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock", "buildkitd.sock")
PLACES = ("/run", "/run/containerd", "/run/podman", "/run/crio", "/run/buildkit", "/run/user/0")
UNIX = "unix://"


class Power(str, Enum):
    """A word of the workflow's; closed, and a contract."""

    COMMANDS = "commands"
    MOUNTS = "mounts"
    FILES = "files"
    PRIVILEGED = "privileged"
    DOCKER = "docker-socket"
    HOST = "host-namespaces"


@dataclass(frozen=True, slots=True)
class Asked:
    """A power that the key at ``where`` asks for; ``what`` says by which of its values."""

    power: Power
    where: KeyPath
    what: str


def asked_by_scenario(scenario: Scenario, directory: Path, checkout: Path) -> Iterator[Asked]:
    """All of a scenario's own, a compose file's not included.

    Relative paths start at ``directory``; what is in ``checkout`` is the change's own.
    """
    command = scenario.load.command
    if command is not None:
        yield Asked(Power.COMMANDS, ("load", "command", "argv"), f"runs {command.argv[0]}")
    for entry in scenario.service.volumes:
        source = directory / entry.partition(":")[0]
        yield Asked(Power.MOUNTS, ("service", "volumes"), f"mounts {source}")
        if gives_docker(source):
            yield Asked(Power.DOCKER, ("service", "volumes"), f"mounts {source}")
    for key in scenario.service.shared:
        # What else is on such a network is not the stack's: each arm has one of its own otherwise.
        if key.startswith("networks."):
            yield Asked(Power.HOST, ("service", "shared"), f"joins {key}")
    for where, name in _files(scenario, ()):
        if is_outside(directory / name, checkout):
            yield Asked(Power.FILES, where, f"reads {name}")


def is_outside(path: Path, checkout: Path) -> bool:
    """Whether a path leads out of the checkout, by a symbolic link for instance."""
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(checkout))


def gives_docker(source: Path) -> bool:
    """Whether what is mounted from here holds a socket by which containers are started."""
    real = Path(os.path.realpath(source))
    named = os.environ.get("DOCKER_HOST", "")
    known = [Path(place, name) for place in PLACES for name in SOCKETS]
    if named.startswith(UNIX):
        known.append(Path(os.path.realpath(named.removeprefix(UNIX))))
    return real.name in SOCKETS or any(one.is_relative_to(real) for one in known)


def _files(value: Any, place: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Paths in a model or a part of it, each with the keys that lead to it."""
    if isinstance(value, SecretRef):
        if value.file:
            yield (*place, "file"), value.file
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            inner = getattr(value, name)
            if name in FILE_KEYS and isinstance(inner, (str, list)):
                names = [inner] if isinstance(inner, str) else inner
                yield from (((*place, name), one) for one in names if isinstance(one, str))
            else:
                yield from _files(inner, (*place, name))
        dockerfile, context = getattr(value, "dockerfile", None), getattr(value, "context", None)
        if isinstance(dockerfile, str) and isinstance(context, str):
            yield (*place, "dockerfile"), os.path.join(context, dockerfile)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _files(inner, (*place, name))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _files(inner, (*place, index))
