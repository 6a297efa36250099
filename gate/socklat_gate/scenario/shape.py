"""What of a scenario shapes the numbers, as a hash: only campaigns of one shape are comparable.

Left out is what changes no number: when a container counts as started, what counts as an error or
as delivered, and which host port is published.  The image is what a comparison varies, and so is
what a compose file says.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from socklat_gate.scenario.found_rate import as_written
from socklat_gate.scenario.renamed import with_old_keys
from socklat_gate.scenario.service import Ready

if TYPE_CHECKING:
    from collections.abc import Iterator

    from socklat_gate.scenario.load import Load
    from socklat_gate.scenario.model import Scenario

__all__ = ["former_hashes", "measured_hash"]

FIRST_KEYS = {
    "service": {
        *("command", "env", "port", "publish", "volumes", "tmpfs", "cpus", "cpuset", "memory"),
        *("ready", "compose", "service"),
    },
    "load": {
        *("driver", "rate", "arrivals", "connections", "max_connections", "duration_s", "warmup_s"),
        *("timeout_s", "cpuset", "payload", "response", "method", "path", "headers", "body"),
        "command",
    },
}
"""Keys that the first hashes were made of; a later key counts where it is not at its default."""

NO_NUMBER = {
    "service": {"image", "build", "log_lines"},
    "load": {
        "max_errors",
        "max_lag_ms",
        "max_late_ms",
        "max_duration_s",
        "expect",
        "stand_in",
        "grpc",
    },
}
"""Keys that change no number; of grpc it is the types that its files hold that do."""

LATER_WAYS = {"https", "host", "port", "command", "healthcheck"}
"""Keys of ``service.ready`` that were not there when it was a part of the hash."""

PUBLISHED = 1
"""Stands for any published port: through which one a request comes takes no time."""


def measured_hash(scenario: Scenario) -> str:
    """Hash of what shapes the numbers: service and load; 16 hex digits."""
    return _hash(_shape(scenario))


def former_hashes(scenario: Scenario) -> tuple[str, ...]:
    """The other hashes by which older documents may know this scenario.

    Until 0.2 ``service.ready`` and the number of ``service.publish`` were a part of it: as they
    are now, and ``ready`` without its timeout, which is what is added later most often.
    """
    found = {_hash(shape) for shape in _former_shapes(scenario)}
    return tuple(sorted(found - {measured_hash(scenario)}))


def _former_shapes(scenario: Scenario) -> Iterator[dict[str, Any]]:
    service = scenario.service
    timeout_s = Ready().timeout_s
    for ready in (service.ready, service.ready.model_copy(update={"timeout_s": timeout_s}), None):
        for publish in (service.publish, PUBLISHED if service.publish else None):
            shape = _shape(scenario)
            shape["service"]["ready"] = (ready or Ready()).model_dump(exclude=LATER_WAYS)
            shape["service"]["publish"] = publish
            yield shape


def _shape(scenario: Scenario) -> dict[str, Any]:
    shape: dict[str, Any] = {}
    for name in ("service", "load"):
        table = as_written(scenario.load) if name == "load" else scenario.service
        dumped = table.model_dump(mode="json", exclude=NO_NUMBER[name])
        fields = type(table).model_fields
        shape[name] = {
            key: value
            for key, value in dumped.items()
            if key in FIRST_KEYS[name]
            or value != fields[key].get_default(call_default_factory=True)
        }
    service = shape["service"]
    if scenario.service.compose is None:
        del service["compose"], service["service"]
    service["ready"] = Ready().model_dump(exclude=LATER_WAYS)
    service["publish"] = PUBLISHED if scenario.service.publish else None
    shape["load"] |= _contents(scenario.load)
    if scenario.load.command is not None:
        # Its other keys say how its end is taken, which changes no number.
        dumped = scenario.load.command.model_dump(mode="json")
        environment = dumped["environment"]
        shape["load"]["command"] = {
            "argv": dumped["argv"],
            **({"environment": environment} if environment else {}),
        }
    if (tls := scenario.load.tls) is not None:
        # Which certificates are trusted changes no number; that the client shows one may.
        shape["load"]["tls"] = {
            "min_version": tls.min_version,
            "client_certificate": tls.cert_file is not None,
        }
    with_old_keys(shape)
    return shape


def _contents(load: Load) -> dict[str, Any]:
    """What is in the files that the load names, in place of their names; and its requests.

    Of those only what is given, so that a key which is added later changes no hash.
    """
    shape: dict[str, Any] = {}
    for table in ("request", "setup"):
        dumped = [
            one.model_dump(mode="json", exclude={"expect", "body_file"}, exclude_defaults=True)
            | ({"body_file": _digest(one.content)} if one.body_file else {})
            for one in getattr(load, table)
        ]
        if dumped:
            shape[table] = dumped
    if load.rows is not None:
        shape["feeder"] = load.rows.digest
    if types := load.descriptors:
        shape["grpc"] = _digest(types)
    return shape


def _digest(content: str | bytes | None) -> str:
    data = content.encode() if isinstance(content, str) else content or b""
    return hashlib.sha256(data).hexdigest()


def _hash(shape: dict[str, Any]) -> str:
    text = json.dumps(shape, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
