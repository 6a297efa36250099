"""From the scenario's service table to the options of one container."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from docker.types import LogConfig

from socklat_gate import masking
from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario import Service
from socklat_gate.scenario.secret import reveal
from socklat_gate.service.arm import ArmSpec

__all__ = [
    "bind_mounts",
    "container_options",
    "published_port",
    "service_environment",
    "tmpfs_mounts",
]

LOOPBACK = "127.0.0.1"
LOG_MAX_SIZE = "1m"
CPU_NANO = 1_000_000_000
NO_CHECKS = {"test": ["NONE"]}
"""As ``docker run --no-healthcheck``: one each second takes a tenth of a CPU for each container."""

MOUNT_OPTIONS = frozenset({"ro", "rw", "z", "Z"})


def container_options(service: Service, scenario_dir: Path, spec: ArmSpec) -> dict[str, object]:
    """Keyword arguments of ``client.containers.create`` but for name, network and labels.

    Raises `UsageError` (BAD_SCENARIO) for a command, volumes or tmpfs entries that make no sense.
    Both arms get the same host directories: one that is written to should be a tmpfs instead.
    """
    publish = published_port(service, spec)
    return {
        "image": spec.image.id,
        "command": _argv(spec.command if spec.command is not None else service.command),
        "environment": {**service_environment(service), **spec.env},
        "ports": {f"{service.port}/tcp": (LOOPBACK, publish)} if publish else None,
        "volumes": bind_mounts(service.volumes, scenario_dir),
        "tmpfs": tmpfs_mounts(service.tmpfs) or None,
        "nano_cpus": round(service.cpus * CPU_NANO) if service.cpus else None,
        "cpuset_cpus": spec.cpuset or service.cpuset_of(0, swapped=False),
        "mem_limit": service.memory,
        "healthcheck": NO_CHECKS,
        "init": False,
        "auto_remove": False,
        "restart_policy": {"Name": "no"},
        # Readiness and messages read the log back, so the daemon's default driver will not do.
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": LOG_MAX_SIZE}),
    }


def service_environment(service: Service) -> dict[str, str]:
    """``service.env`` with its secrets in the clear; values that look secret are masked in logs.

    Raises `UsageError` (BAD_SECRET).
    """
    environment = {}
    for name, value in service.env.items():
        try:
            environment[name] = reveal(value)
        except UsageError as error:
            raise UsageError(
                error.reason, f"service.env.{name}: {error.message}", remedy=error.remedy
            ) from None
    masking.suspect(environment)
    return environment


def _argv(command: str | list[str] | None) -> list[str] | None:
    if not isinstance(command, str):
        return command
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"service.command: {command!r} cannot be split into words: {error}",
            remedy="quote it as a shell would need it, or give a list of words",
        ) from None


def published_port(service: Service, spec: ArmSpec) -> int | None:
    """The port on 127.0.0.1 of this arm: ``publish``, or one more for the candidate.

    Further containers of the arms have the next two each.
    """
    if service.publish is None:
        return None
    return service.publish + 2 * spec.replica + (1 if spec.arm == "candidate" else 0)


def bind_mounts(volumes: list[str], scenario_dir: Path) -> list[str]:
    """``host:container:options`` with absolute host paths; relative ones start at the scenario.

    Named volumes are not taken: they would carry state from one run to the next.  Raises
    `UsageError` (BAD_SCENARIO) naming the entry.
    """
    return [_bind_mount(entry, scenario_dir) for entry in volumes]


def _bind_mount(entry: str, scenario_dir: Path) -> str:
    parts = entry.split(":")
    if len(parts) not in (2, 3) or not all(parts):
        raise _bad("volumes", entry, "it is not host:container or host:container:ro")
    host, inside, options = parts[0], parts[1], parts[2] if len(parts) == 3 else "rw"
    if not inside.startswith("/"):
        raise _bad("volumes", entry, f"the container path {inside!r} is not absolute")
    if not MOUNT_OPTIONS.issuperset(options.split(",")):
        raise _bad("volumes", entry, f"{options!r} is not ro, rw, z or Z")
    path = (scenario_dir / host).resolve()
    # Docker would create an empty directory there, and the service would start without its data.
    if not path.exists():
        raise _bad("volumes", entry, f"{path} does not exist")
    return f"{path}:{inside}:{options}"


def tmpfs_mounts(entries: list[str]) -> Mapping[str, str]:
    """Container path -> mount options, from ``path`` or ``path:options`` entries."""
    mounts: dict[str, str] = {}
    for entry in entries:
        path, _, options = entry.partition(":")
        if not path.startswith("/"):
            raise _bad("tmpfs", entry, "the container path is not absolute")
        mounts[path] = options
    return mounts


def _bad(key: str, entry: str, why: str) -> UsageError:
    return UsageError(
        Reason.BAD_SCENARIO,
        f"service.{key}: {entry!r} cannot be mounted: {why}",
        remedy=f"correct the entry in service.{key}; relative host paths start at the scenario's "
        "directory",
    )
