"""Which of a target's ports is the service's own, and which are shown beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from socklat_gate.service.tcp_listeners import Listener, reachable_ports

__all__ = ["declared_ports", "inside_ports", "own_port"]


def own_port(found: Sequence[Listener], declared: Iterable[int] = ()) -> int:
    """Where a service is asked by others: 0 where it listens on nothing.

    The first of those ``declared``, else the lowest that can be reached from outside, else the
    lowest.
    """
    listening = {one.port for one in found}
    reachable = reachable_ports(found)
    wanted = [port for port in declared if port in reachable]
    wanted += [port for port in declared if port in listening]
    return next(iter([*wanted, *reachable, *sorted(listening)]), 0)


def inside_ports(found: Iterable[Listener]) -> tuple[int, ...]:
    """Those that only the namespace itself can reach."""
    listed = list(found)
    outside = set(reachable_ports(listed))
    return tuple(sorted({one.port for one in listed} - outside))


def declared_ports(container: Mapping[str, Any]) -> list[int]:
    """TCP ports of an inspected container: those published, then those that its image exposes."""
    published = (container.get("NetworkSettings") or {}).get("Ports") or {}
    exposed = (container.get("Config") or {}).get("ExposedPorts") or {}
    bound = [entry for entry, hosts in published.items() if hosts]
    return [*_numbers(bound), *_numbers(exposed)]


def _numbers(entries: Collection[str]) -> list[int]:
    split = (entry.partition("/") for entry in entries)
    return sorted(int(port) for port, _, kind in split if kind in ("", "tcp") and port.isdigit())
