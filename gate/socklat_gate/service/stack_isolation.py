"""A stack of which each arm can have one of its own, or why it cannot: said before any starts."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socklat_gate.errors import Reason, UsageError
from socklat_gate.service.dollars import single
from socklat_gate.service.stack_addresses import (
    ADDRESSES,
    address_problems,
    fixed_subnets,
    with_free_subnets,
)
from socklat_gate.service.stack_mounts import mount_problems, mounted_path
from socklat_gate.service.stack_namespaces import (
    namespace_problems,
    networks_of,
    scale,
    with_own_names,
)

__all__ = ["Replaced", "check_isolation", "isolated_stack", "replaced_parts"]

OF_THIS_MACHINE = ("host", "none")
LOCAL_DRIVERS = ("", "bridge", "default")
FIXED_OPTIONS = {"com.docker.network.bridge.name"}
"""What the same network cannot have twice."""

SHARABLE = ("ipc", "pid", "cgroup_parent", "volumes", "devices")
"""Keys of a service that `service.shared` may name."""

ELSEWHERE = ("provider", "models", "use_api_socket")
"""Keys of a service for what is no container of its own stack."""

_OTHERWISE = {False: "use names", True: "leave one of them alone in the network"}

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replaced:
    """A key in whose place each arm has something of its own: a "network" or a "subnet"."""

    key: str
    by: str


def check_isolation(
    stack: Document,
    tested: str,
    shared: Collection[str],
    *,
    alone: bool,
    is_set: Callable[[str], bool] = os.environ.__contains__,
) -> None:
    """Raises `UsageError` (BAD_SCENARIO) with a sentence for each key that both arms would share.

    ``shared`` are keys that they may; ``alone``: one arm runs at a time.  ``is_set`` says of a
    variable that compose has it.
    """
    found = [] if alone else [*address_problems(stack), *_crossing_problems(stack, shared)]
    fixed = list(dict(found).items())
    problems = [*dict(_problems(stack, tested, shared)).items(), *_file_problems(stack, is_set)]
    if not (fixed or problems):
        return
    if problems:
        remedy = "change the key in a further compose file: service.compose takes a list"
        if all(map(_is_sharable, dict(problems))):
            remedy += ", or name it in service.shared if both arms may share it"
    else:
        remedy = (
            'set gate.interleave = "block", which runs one arm at a time, or '
            f"{_OTHERWISE[any(key.startswith('networks.') for key, _ in fixed)]}"
        )
    raise UsageError(
        Reason.BAD_SCENARIO,
        "\n".join(f"{key}: {why}" for key, why in (*problems, *fixed)),
        remedy=remedy,
    )


def isolated_stack(stack: Document, shared: Collection[str], *, alone: bool) -> dict[str, Any]:
    """The stack of one arm, which shares nothing but ``shared`` keys and what nobody writes to.

    Nothing is published; names of containers, subnets and external networks are the arm's own.
    """
    made = with_own_names(_with_device_mounts(stack))
    for definition in made["services"].values():
        definition.pop("ports", None)
    networks = {"default": {}, **(stack.get("networks") or {})}
    made["networks"] = {
        name: network
        if f"networks.{name}" in shared
        else _own_network(network or {}, keep_subnets=alone)
        for name, network in networks.items()
    }
    made["volumes"] = {
        name: volume if (volume or {}).get("external") else _without_name(volume)
        for name, volume in (stack.get("volumes") or {}).items()
        if not _device_of(volume or {})
    }
    return made


def replaced_parts(stack: Document, shared: Collection[str], *, alone: bool) -> Iterator[Replaced]:
    """What `isolated_stack` gives each arm in another place than the file says."""
    for name, network in (stack.get("networks") or {}).items():
        if (network or {}).get("external") and f"networks.{name}" not in shared:
            yield Replaced(f"networks.{name}", "network")
    if not alone:
        for name in dict.fromkeys(name for name, _ in fixed_subnets(stack)):
            yield Replaced(f"networks.{name}.ipam", "subnet")


def _is_sharable(key: str) -> bool:
    part, _, kind = key.rpartition(".")
    return kind in SHARABLE or part.startswith(("volumes", "networks"))


def _problems(stack: Document, tested: str, shared: Collection[str]) -> Iterator[tuple[str, str]]:
    yield from namespace_problems(stack, tested, shared)
    yield from _network_problems(stack, shared)
    yield from _volume_problems(stack, shared)
    yield from mount_problems(_with_device_mounts(stack), shared)
    for name, definition in stack["services"].items():
        build = definition.get("build")
        more = build.get("additional_contexts") if isinstance(build, Mapping) else None
        if isinstance(more, Mapping) and any(
            str(one).startswith("service:") for one in more.values()
        ):
            yield (
                f"services.{name}.build.additional_contexts",
                "each image is built by itself, not from another service's: name an image or a "
                "directory, or a stage of one Dockerfile",
            )
        for key in ELSEWHERE:
            if definition.get(key):
                yield f"services.{name}.{key}", "is no container, so both arms would share it"
        for entry in definition.get("devices") or ():
            path = str(entry.get("source") if isinstance(entry, Mapping) else entry).split(":")[0]
            if _is_disk(path) and f"services.{name}.devices" not in shared:
                yield f"services.{name}.devices", f"both arms would write to the disk {path}"
    if (count := scale(stack["services"][tested])) != 1:
        key = "scale" if "scale" in stack["services"][tested] else "deploy.replicas"
        yield (
            f"services.{tested}.{key}",
            f"the load goes to one container of the service under test, not to {count}: set it to "
            f"1{', or test the proxy in front of them' if count else ''}",
        )


def _network_problems(stack: Document, shared: Collection[str]) -> Iterator[tuple[str, str]]:
    for name, definition in (stack.get("networks") or {}).items():
        network, key = definition or {}, f"networks.{name}"
        if network.get("external"):
            if network.get("name", name) in OF_THIS_MACHINE:
                yield key, f"is the network {network.get('name', name)!r}, which has no names"
            elif key not in shared and (service := _fixed_in(stack, name)):
                yield (
                    key,
                    f"is external, and {service} asks for an address of it: the network that each "
                    "arm has in its place has other ones",
                )
        elif (driver := network.get("driver") or "") not in LOCAL_DRIVERS and key not in shared:
            yield f"{key}.driver", f"{driver!r} may connect both arms: bridge does not"


def _crossing_problems(stack: Document, shared: Collection[str]) -> Iterator[tuple[str, str]]:
    """Networks of both arms in which a service would find those of the other arm by their names."""
    for name in stack.get("networks") or {}:
        inside = [
            service
            for service, definition in stack["services"].items()
            if "network_mode" not in definition and name in networks_of(definition)
        ]
        if f"networks.{name}" in shared and len(inside) > 1:
            yield (
                f"networks.{name}",
                f"both arms share it, and {', '.join(inside)} are in it, so that each of these "
                "names would lead to either arm",
            )


def _fixed_in(stack: Document, network: str) -> str:
    """The service that has a fixed address in a network; empty where none has."""
    for name, definition in stack["services"].items():
        networks = definition.get("networks")
        how = (networks.get(network) if isinstance(networks, Mapping) else None) or {}
        if any(how.get(key) for key in ADDRESSES):
            return str(name)
    return ""


def _volume_problems(stack: Document, shared: Collection[str]) -> Iterator[tuple[str, str]]:
    writers = _writers(stack)
    for name, definition in (stack.get("volumes") or {}).items():
        volume, key = definition or {}, f"volumes.{name}"
        if key in shared or name not in writers:
            continue
        options = volume.get("driver_opts") or {}
        if volume.get("external"):
            yield (
                key,
                f"is external and {writers[name]} may write to it: both arms would share it "
                "(mount it read-only, or give the stack a volume of its own)",
            )
        elif (driver := volume.get("driver") or "local") != "local":
            yield f"{key}.driver", f"both arms would share what {driver!r} keeps"
        elif options and not _device_of(volume) and options.get("type") != "tmpfs":
            yield f"{key}.driver_opts", f"both arms would share {options.get('device', 'it')}"


def _file_problems(stack: Document, is_set: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Secrets and configs that compose would leave out, refuse, or mount an empty directory for."""
    for part in ("secrets", "configs"):
        used = {
            entry.get("source") if isinstance(entry, Mapping) else entry
            for definition in stack["services"].values()
            for entry in definition.get(part) or ()
        }
        for name, entry in (stack.get(part) or {}).items():
            if name not in used:
                continue
            if (entry or {}).get("external"):
                yield f"{part}.{name}", "is external, which compose leaves out without swarm"
            file = single(str((entry or {}).get("file") or ""))
            if file and not Path(file).is_file():
                yield f"{part}.{name}.file", f"there is no file {file}"
            variable = str((entry or {}).get("environment") or "")
            if variable and not is_set(variable):
                yield f"{part}.{name}.environment", f"nothing sets {variable}"


def _with_device_mounts(stack: Document) -> dict[str, Any]:
    """The stack with volumes that stand for a directory of this machine mounted as that."""
    devices = {
        name: device
        for name, volume in (stack.get("volumes") or {}).items()
        if (device := _device_of(volume or {}))
    }
    services = {}
    for name, definition in stack["services"].items():
        volumes = [_as_bind(volume, devices) for volume in definition.get("volumes") or ()]
        services[name] = {**definition, **({"volumes": volumes} if volumes else {})}
    return {**stack, "services": services}


def _device_of(volume: Mapping[str, Any]) -> str:
    """The directory that a volume of the local driver binds; empty for any other."""
    options = volume.get("driver_opts") or {}
    flags = str(options.get("o", "")).split(",")
    bound = "bind" in flags or "rbind" in flags
    return str(options.get("device", "")) if bound and not volume.get("external") else ""


def _as_bind(volume: object, devices: Mapping[str, str]) -> object:
    name, target, read_only = _volume_of(volume)
    if name not in devices:
        return volume
    bind = {"type": "bind", "source": devices[name], "target": target}
    return {**bind, **({"read_only": True} if read_only else {})}


def _volume_of(volume: object) -> tuple[str, str, bool]:
    """Name, target and whether read-only of a mounted named volume; an empty name for any other."""
    if isinstance(volume, str):
        name, _, rest = volume.partition(":")
        target, _, mode = rest.partition(":")
        return ("" if name.startswith("/") or not rest else name), target, "ro" in mode.split(",")
    if not isinstance(volume, Mapping) or volume.get("type") != "volume":
        return "", "", False
    name, target = str(volume.get("source") or ""), str(volume.get("target"))
    return name, target, volume.get("read_only") is True


def _writers(stack: Document) -> dict[str, str]:
    """For each named volume that a service may write to, one that may."""
    found: dict[str, str] = {}
    for service, definition in stack["services"].items():
        for volume in definition.get("volumes") or ():
            name, _, read_only = _volume_of(volume)
            if name and not read_only and not mounted_path(volume)[0]:
                found.setdefault(name, service)
    return found


def _own_network(network: Mapping[str, Any], *, keep_subnets: bool) -> dict[str, Any]:
    if network.get("external"):
        return {}
    kept = _without_name(network)
    if options := kept.get("driver_opts"):
        kept["driver_opts"] = {k: v for k, v in options.items() if k not in FIXED_OPTIONS}
    return kept if keep_subnets else with_free_subnets(kept)


def _without_name(part: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (part or {}).items() if key != "name"}


def _is_disk(path: str) -> bool:
    try:
        return stat.S_ISBLK(os.stat(path).st_mode)
    except OSError:
        return False
