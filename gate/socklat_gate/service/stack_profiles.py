"""Which services of a compose file run: all without a profile, and those of the active ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from socklat_gate.errors import Reason, UsageError

__all__ = ["enabled_stack"]

Document = Mapping[str, Any]


def enabled_stack(stack: Document, tested: str, active: str) -> dict[str, Any]:
    """The stack without the services whose profiles are not active.

    ``active`` are COMPOSE_PROFILES; those of the service under test are active too, as if it was
    named to ``up``.  Raises `UsageError` (BAD_SCENARIO) when one that runs needs one that does not.
    """
    services: Mapping[str, Mapping[str, Any]] = stack["services"]
    profiles = {name.strip() for name in active.split(",")} | _profiles(services[tested])
    runs = {
        name: {key: value for key, value in definition.items() if key != "profiles"}
        for name, definition in services.items()
        if not _profiles(definition) or "*" in profiles or _profiles(definition) & profiles
    }
    for name, definition in runs.items():
        for needed, required in _needs(definition):
            if needed in runs or needed not in services:
                continue
            if required:
                raise UsageError(
                    Reason.BAD_SCENARIO,
                    f"service {name!r} needs {needed!r}, which only runs in the profile "
                    + " or ".join(sorted(_profiles(services[needed]))),
                    remedy="set COMPOSE_PROFILES, in the environment or in the .env beside the "
                    "compose file",
                )
            kept = {key: one for key, one in definition["depends_on"].items() if key != needed}
            definition["depends_on"] = kept
    return {**stack, "services": runs}


def _profiles(definition: Mapping[str, Any]) -> set[str]:
    return set(definition.get("profiles") or ())


def _needs(definition: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Services that it cannot run without, and those that it would rather have."""
    depends = definition.get("depends_on") or {}
    for name in depends:
        how = depends[name] if isinstance(depends, Mapping) else {}
        yield name, (how or {}).get("required", True) is not False
    for key in ("network_mode", "ipc", "pid"):
        kind, _, name = str(definition.get(key) or "").partition(":")
        if kind == "service":
            yield name, True
    # The newer compose lists these in depends_on as well, the older one does not.
    for link in definition.get("links") or ():
        yield str(link).partition(":")[0], True
    for source in map(str, definition.get("volumes_from") or ()):
        if not source.startswith("container:"):
            yield source.removeprefix("service:").partition(":")[0], True
