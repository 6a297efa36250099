"""What a compose file can do to the machine that runs it, beyond its containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from socklat_gate.scenario.powers import Asked, Power, gives_docker, is_outside

__all__ = ["asked_by_stack"]

HOST_KEYS = ("cgroup", "ipc", "network_mode", "pid", "userns_mode", "uts")
"""Keys of a service by which it lives in a namespace of another."""
LOOSENING = (
    *("cap_add", "cgroup_parent", "device_cgroup_rules", "devices", "gpus"),
    *("oom_kill_disable", "oom_score_adj", "runtime"),
)
LOGS_KEPT_HERE = {"", "json-file", "local", "none"}
"""Drivers of logs by which Docker writes to its own files; others send them to somebody."""
BRIDGE_NAME = "com.docker.network.bridge.name"
HARMLESS_OPTION = "no-new-privileges"
HARMLESS_DRIVERS = ("", "bridge", "default", "overlay", "none")
HOOKS = ("post_start", "pre_stop")
CACHES = ("cache_from", "cache_to")
BINDING = {"bind", "rbind"}
"""Options by which a mount is one of a directory, whatever its type."""
REMOTE = ("://", "git@")
OCI_LAYOUT = "oci-layout://"
"""How a build's context is a directory that holds an image."""
LOCAL = "local"

Document = Mapping[str, Any]
Found = Iterator[Asked]


def asked_by_stack(stack: Document, checkout: Path) -> Found:
    """All of a stack's; ``stack`` is as compose prints it, merged and with absolute paths."""
    devices = _host_volumes(stack)
    for name in stack.get("models") or {}:
        yield Asked(Power.COMMANDS, ("models", str(name)), "runs a model on the host")
    for name, service in (stack.get("services") or {}).items():
        where = ("services", str(name))
        yield from _mounts(service, where, devices)
        yield from _namespaces(service, where)
        yield from _privileges(service, where)
        yield from _build(service.get("build"), (*where, "build"), checkout)
        if service.get("provider"):
            yield Asked(Power.COMMANDS, (*where, "provider"), "runs a program of the host")
        if service.get("use_api_socket"):
            yield Asked(Power.DOCKER, (*where, "use_api_socket"), "gives Docker's socket")
    for table in ("secrets", "configs"):
        for name, entry in (stack.get(table) or {}).items():
            file = str((entry or {}).get("file") or "")
            if file and is_outside(Path(file), checkout):
                yield Asked(Power.FILES, (table, str(name), "file"), f"reads {file}")
    for name, given in (stack.get("networks") or {}).items():
        network, where = given or {}, ("networks", str(name))
        driver = str(network.get("driver") or "")
        if driver not in HARMLESS_DRIVERS:
            yield Asked(Power.HOST, (*where, "driver"), f"is of the driver {driver}")
        if bridge := (network.get("driver_opts") or {}).get(BRIDGE_NAME):
            yield Asked(Power.HOST, (*where, "driver_opts"), f"is the host's bridge {bridge}")
        if network.get("external") and str(network.get("name") or name) == "host":
            yield Asked(Power.HOST, where, "is the host's network")


def _host_volumes(stack: Document) -> dict[str, str]:
    """Named volumes that hold what is the machine's: a directory, or what another left there."""
    found = {}
    for name, given in (stack.get("volumes") or {}).items():
        volume = given or {}
        options = volume.get("driver_opts") or {}
        in_memory = options.get("type") == "tmpfs" and not _is_bound(options)
        if volume.get("external"):
            found[str(name)] = f"the external volume {volume.get('name') or name}"
        elif options.get("device") and not in_memory:
            found[str(name)] = str(options["device"])
        elif volume.get("driver", LOCAL) != LOCAL:
            found[str(name)] = f"a volume of the driver {volume['driver']}"
    return found


def _is_bound(options: Document) -> bool:
    return not BINDING.isdisjoint(str(options.get("o") or "").split(","))


def _mounts(service: Document, where: tuple[str, ...], devices: Mapping[str, str]) -> Found:
    key = (*where, "volumes")
    for volume in service.get("volumes") or ():
        source = _source(volume)
        path = devices.get(source, source if source.startswith(("/", ".", "~")) else "")
        if path:
            yield Asked(Power.MOUNTS, key, f"mounts {path}")
        if path.startswith("/") and gives_docker(Path(path)):
            yield Asked(Power.DOCKER, key, f"mounts {path}")
    for other in service.get("volumes_from") or ():
        if str(other).startswith("container:"):
            yield Asked(Power.MOUNTS, (*where, "volumes_from"), f"takes those of {other}")


def _source(volume: object) -> str:
    """What is mounted: a path, or the name of a volume; empty for what is in memory."""
    if isinstance(volume, str):
        source, _, target = volume.partition(":")
        return source if target else ""
    if isinstance(volume, Mapping) and volume.get("type") in ("bind", "volume", "cluster", None):
        return str(volume.get("source") or "")
    return ""


def _namespaces(service: Document, where: tuple[str, ...]) -> Found:
    for key in HOST_KEYS:
        value = str(service.get(key) or "")
        if value == "host" or value.startswith("container:"):
            yield Asked(Power.HOST, (*where, key), f"is {value}")
    logs = str((service.get("logging") or {}).get("driver") or "")
    if logs not in LOGS_KEPT_HERE:
        yield Asked(Power.HOST, (*where, "logging"), f"sends logs by the driver {logs}")


def _privileges(service: Document, where: tuple[str, ...]) -> Found:
    if service.get("privileged"):
        yield Asked(Power.PRIVILEGED, (*where, "privileged"), "runs with all privileges")
    for key in LOOSENING:
        if service.get(key):
            yield Asked(Power.PRIVILEGED, (*where, key), f"has {_listed(service[key])}")
    reserved = ((service.get("deploy") or {}).get("resources") or {}).get("reservations") or {}
    if reserved.get("devices"):
        yield Asked(Power.PRIVILEGED, (*where, "deploy"), "reserves devices")
    for option in service.get("security_opt") or ():
        if not str(option).startswith(HARMLESS_OPTION):
            yield Asked(Power.PRIVILEGED, (*where, "security_opt"), f"has {option}")
    for key in HOOKS:
        if any(
            isinstance(one, Mapping) and one.get("privileged") for one in service.get(key) or ()
        ):
            yield Asked(Power.PRIVILEGED, (*where, key), "runs with all privileges")


def _build(build: object, where: tuple[str, ...], checkout: Path) -> Found:
    if isinstance(build, str):
        build = {"context": build}
    if not isinstance(build, Mapping):
        return
    more = build.get("additional_contexts") or {}
    pairs = more.values() if isinstance(more, Mapping) else [str(x).partition("=")[2] for x in more]
    context = str(build.get("context") or "")
    files = {"context": [context], "additional_contexts": [str(one) for one in pairs]}
    if build.get("dockerfile"):
        files["dockerfile"] = [str(Path(context) / str(build["dockerfile"]))]
    for key, paths in files.items():
        for path in paths:
            path = path.removeprefix(OCI_LAYOUT)  # noqa: PLW2901
            local = path.startswith(("/", ".", "~")) and not any(one in path for one in REMOTE)
            if local and is_outside(Path(path), checkout):
                yield Asked(Power.FILES, (*where, key), f"reads {path}")
    for key in CACHES:
        # Relative to where the builder runs, wherever that is.
        if any("type=local" in str(one).replace(" ", "") for one in build.get(key) or ()):
            yield Asked(Power.FILES, (*where, key), "is a directory of the host")
    if build.get("ssh"):
        yield Asked(Power.FILES, (*where, "ssh"), "has keys of the host")
    network = str(build.get("network") or "")
    if network == "host" or network.startswith("container:"):
        yield Asked(Power.HOST, (*where, "network"), f"is {network}")
    for key in ("entitlements", "privileged"):
        if build.get(key):
            yield Asked(Power.PRIVILEGED, (*where, key), f"has {_listed(build[key])}")


def _listed(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(
            str(one.get("source") or one) if isinstance(one, Mapping) else str(one) for one in value
        )
    return str(value)
