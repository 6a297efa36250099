"""A compose file's document as one arm needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from socklat_gate import masking
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.compose import Document
from socklat_gate.service.container_options import service_environment
from socklat_gate.service.owner import ARM_LABEL

__all__ = ["arm_document", "mask_environments", "secret_environment"]

NOT_TAKEN = {"ports", "container_name", "restart", "build"}
"""Two stacks at once cannot share ports and names; images are built once, before."""


def arm_document(
    stack: Document,
    tested: str,
    spec: ArmSpec,
    service: Service,
    *,
    images: Mapping[str, str],
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """The compose document of one arm: nothing published, everything labelled, one image its own.

    ``images`` are the names of what was built.  The arm's CPUs are those of all its containers.
    """
    document: dict[str, Any] = {key: value for key, value in stack.items() if key != "name"}
    services: dict[str, Any] = {}
    for name, definition in stack["services"].items():
        kept = {key: value for key, value in definition.items() if key not in NOT_TAKEN}
        kept["restart"] = "no"
        if name in images:
            kept["image"] = images[name]
        cpus = spec.cpuset or service.cpuset_of(0, swapped=False)
        if cpus:
            kept["cpuset"] = cpus
        services[name] = _add_labels(kept, {**labels, ARM_LABEL: spec.arm})
    under_test = services[tested]
    under_test["image"] = spec.image.id
    under_test.pop("pull_policy", None)  # an id cannot be pulled
    environment = under_test.get("environment") or {}
    if not isinstance(environment, Mapping):
        environment = dict(entry.partition("=")[::2] for entry in environment)
    own = {
        name: value if isinstance(value, str) else "${" + secret_variable(name) + "}"
        for name, value in service.env.items()
    }
    under_test["environment"] = {**environment, **own, **spec.env}
    command = spec.command if spec.command is not None else service.command
    if command is not None:
        under_test["command"] = command
    # Readiness and messages read the log back, so the daemon's default driver will not do.
    under_test["logging"] = {"driver": "json-file", "options": {"max-size": "1m"}}
    document["services"] = services
    for kind in ("networks", "volumes"):
        parts = {**({"default": {}} if kind == "networks" else {}), **(stack.get(kind) or {})}
        document[kind] = {name: _own(part, labels) for name, part in parts.items()}
    return document


def secret_variable(name: str) -> str:
    """The variable of compose's own environment that has the secret for a container's variable.

    So the document, which is a file, holds the name alone.
    """
    return "SOCKLAT_SECRET_" + "".join(f"{byte:02X}" for byte in name.encode())


def secret_environment(service: Service) -> dict[str, str]:
    """Those variables and their values.  Raises `UsageError` (BAD_SECRET)."""
    secret = {name: text for name, text in service.env.items() if not isinstance(text, str)}
    revealed = service_environment(service.model_copy(update={"env": secret}))
    return {secret_variable(name): value for name, value in revealed.items()}


def mask_environments(stack: Document) -> None:
    """Values of a stack's variables that look secret are masked in logs from now on."""
    for definition in (stack.get("services") or {}).values():
        masking.suspect(_environment_of(definition))


def _environment_of(definition: Mapping[str, Any]) -> Mapping[str, str]:
    environment = definition.get("environment") or {}
    if not isinstance(environment, Mapping):
        environment = dict(entry.partition("=")[::2] for entry in environment)
    return {name: str(value) for name, value in environment.items() if value is not None}


def _own(part: Mapping[str, Any] | None, labels: Mapping[str, str]) -> dict[str, Any]:
    """A network or volume of this arm alone; an external one stays what it is."""
    kept = dict(part or {})
    if kept.get("external"):
        return kept
    kept.pop("name", None)
    return _add_labels(kept, labels)


def _add_labels(definition: Mapping[str, Any] | None, labels: Mapping[str, str]) -> dict[str, Any]:
    """A part of a document with further labels; compose takes them as a map or as a list."""
    kept = dict(definition or {})
    had = kept.get("labels") or {}
    if isinstance(had, Sequence):
        had = dict(entry.partition("=")[::2] for entry in had)
    kept["labels"] = {**had, **labels}
    return kept
