"""Namespaces and names of a stack's services: kept inside of one arm."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["namespace_problems", "networks_of", "scale", "with_own_names"]

JOINABLE = ("network_mode", "ipc", "pid")
BRIDGE = ("bridge", "default")
"""Modes that mean Docker's own network, in whose place each arm has its default one."""
NETWORK_MODES = (*BRIDGE, "", "host", "none", "service", "container")
"""What is none of them is the name of a network."""

Document = Mapping[str, Any]


def namespace_problems(
    stack: Document, tested: str, shared: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Keys by which a service would share a namespace with more than its own stack, and why not."""
    owners = _owners(stack)
    for name, definition in stack["services"].items():
        for key in JOINABLE:
            mode, place = str(definition.get(key) or ""), f"services.{name}.{key}"
            kind, _, container = mode.partition(":")
            if kind == "container" and container not in owners:
                yield place, f"{mode!r} is a container that both arms would share"
            elif mode == "host" and key == "network_mode":
                yield (
                    place,
                    'with "host" both arms would listen on the same ports of this machine, where '
                    "the probe cannot tell them apart: give the service a network",
                )
            elif key == "network_mode" and kind not in NETWORK_MODES:
                yield (
                    place,
                    f"{mode!r} is a network that both arms would share: name it in `networks` of "
                    "the service and of the file",
                )
            elif mode == "host" and place not in shared:
                yield place, 'with "host" both arms share what this machine has'
            elif mode == "none" and key == "network_mode" and name == tested:
                yield place, 'with "none" no load can reach the service under test'
        place = f"services.{name}.cgroup_parent"
        if (parent := definition.get("cgroup_parent")) and place not in shared:
            yield place, f"{parent!r} would be one group with one limit for both arms"
        for entry in definition.get("volumes_from") or ():
            if str(entry).startswith("container:") and entry.split(":")[1] not in owners:
                place = f"services.{name}.volumes_from"
                yield place, f"{entry!r} is a container that both arms would share"
        links = map(str, definition.get("external_links") or ())
        if others := [link for link in links if link.partition(":")[0] not in owners]:
            yield (
                f"services.{name}.external_links",
                f"{', '.join(others)}: containers outside of the stack would be shared by both "
                "arms",
            )


def with_own_names(stack: Document) -> dict[str, Any]:
    """The stack without ``container_name``, by which its services are still found on its networks.

    So they are by the name that compose gives a container, ``shop-db-1``.  What names such a
    container, ``network_mode: container:NAME`` for instance, names its service.  It has no problem
    of `namespace_problems`.
    """
    owners = _owners(stack)
    names: dict[str, list[str]] = {}
    for container, service in owners.items():
        names.setdefault(service, []).append(container)
    return {
        **stack,
        "services": {
            name: _own_names(definition, owners, names.get(name, []))
            for name, definition in stack["services"].items()
        },
    }


def scale(definition: Mapping[str, Any]) -> int:
    """How many containers of a service run."""
    count = definition.get("scale", (definition.get("deploy") or {}).get("replicas"))
    return int(count) if str(count).isdigit() else 1


def _own_names(
    definition: Mapping[str, Any], owners: Mapping[str, str], names: Sequence[str]
) -> dict[str, Any]:
    kept = {key: value for key, value in definition.items() if key != "container_name"}
    if kept.get("network_mode") in BRIDGE:
        # Docker's own bridge is one for both arms.
        del kept["network_mode"]
    for key in JOINABLE:
        kind, _, container = str(kept.get(key) or "").partition(":")
        if kind == "container" and container in owners:
            kept[key] = f"service:{owners[container]}"
    if sources := kept.get("volumes_from"):
        kept["volumes_from"] = [_source(entry, owners) for entry in sources]
    if linked := kept.pop("external_links", None):
        # What is checked here is of the stack: such a container has another name in each arm.
        links = [_link(str(link), owners) for link in linked]
        kept["links"] = [*(kept.get("links") or ()), *links]
    if names and "network_mode" not in kept:
        kept["networks"] = {
            name: {**(how or {}), "aliases": [*((how or {}).get("aliases") or ()), *names]}
            for name, how in networks_of(kept).items()
        }
    return kept


def _source(entry: object, owners: Mapping[str, str]) -> object:
    parts = str(entry).split(":")
    if parts[0] == "container" and parts[1] in owners:
        return ":".join([owners[parts[1]], *parts[2:]])
    return entry


def _link(link: str, owners: Mapping[str, str]) -> str:
    container, _, alias = link.partition(":")
    return f"{owners.get(container, container)}:{alias or container}"


def _owners(stack: Document) -> dict[str, str]:
    """Services by the names of their containers, as the file gives them or compose would."""
    found, project = {}, stack.get("name")
    for name, definition in stack["services"].items():
        if given := definition.get("container_name"):
            found[str(given)] = name
        elif project and scale(definition) == 1:
            found |= {f"{project}{mark}{name}{mark}1": name for mark in "-_"}
    return found


def networks_of(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """Names of the networks that a service is in, if it is in any, and how."""
    networks = definition.get("networks") or ["default"]
    return networks if isinstance(networks, Mapping) else dict.fromkeys(networks)
