"""A compose file's document as one arm needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from socklat_gate import masking
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.compose import Document
from socklat_gate.service.compose_files import compose_setting
from socklat_gate.service.container_options import service_environment
from socklat_gate.service.dollars import doubled, single
from socklat_gate.service.owner import ARM_LABEL

__all__ = ["arm_document", "mask_environments", "secret_environment"]

LOGGING = {"driver": "json-file", "options": {"max-size": "1m"}}
"""Readiness and messages read logs back; another driver may be one service for both arms."""

MOST_BYTES = 1 << 16
"""Of a secret that is looked for in logs."""


def arm_document(
    stack: Document,
    tested: str,
    spec: ArmSpec,
    service: Service,
    *,
    images: Mapping[str, str],
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """The compose document of one arm: an isolated stack, labelled, with one image its own.

    ``images`` are what the other services run: built or pulled once, before.  The arm's CPUs are
    those of all its containers.
    """
    document: dict[str, Any] = {key: value for key, value in stack.items() if key != "name"}
    services: dict[str, Any] = {}
    for name, definition in stack["services"].items():
        kept = {**definition, "logging": LOGGING}
        kept.pop("build", None)
        # Pulled once more, it could be another image for the second arm; nor can an id be pulled.
        kept.pop("pull_policy", None)
        if name in images:
            kept["image"] = images[name]
        cpus = spec.cpuset or service.cpuset_of(0, swapped=False)
        if cpus:
            kept["cpuset"] = cpus
        services[name] = _add_labels(kept, {**labels, ARM_LABEL: spec.arm})
    under_test = services[tested]
    under_test["image"] = spec.image.id
    environment = under_test.get("environment") or {}
    if not isinstance(environment, Mapping):
        environment = dict(entry.partition("=")[::2] for entry in environment)
    own = {
        name: doubled(value) if isinstance(value, str) else "${" + secret_variable(name) + "}"
        for name, value in service.env.items()
    }
    laid_over = {name: doubled(value) for name, value in spec.env.items()}
    under_test["environment"] = {**environment, **own, **laid_over}
    command = spec.command if spec.command is not None else service.command
    if command is not None:
        under_test["command"] = (
            doubled(command) if isinstance(command, str) else [doubled(word) for word in command]
        )
    document["services"] = services
    for kind in ("networks", "volumes"):
        document[kind] = {
            name: part if (part or {}).get("external") else _add_labels(part, labels)
            for name, part in (stack.get(kind) or {}).items()
        }
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


def mask_environments(stack: Document, directory: Path) -> None:
    """What looks secret of a stack's variables, and its secrets, are masked in logs from now on.

    ``directory`` has the settings of compose.
    """
    for definition in (stack.get("services") or {}).values():
        masking.suspect(_environment_of(definition))
    entries = (stack.get("secrets") or {}).values()
    values = (_secret_value(entry, directory) for entry in entries)
    masking.suspect_values(value for value in values if len(value) >= masking.MIN_SUSPECT)


def _secret_value(entry: Mapping[str, Any] | None, directory: Path) -> str:
    """Empty where compose has none either, or it is too large to be one."""
    entry = entry or {}
    if name := entry.get("environment"):
        return compose_setting(str(name), directory)
    file = Path(single(str(entry.get("file") or "")))
    try:
        if not file.is_file():
            return ""
        with file.open("rb") as opened:
            found = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError):
        return ""
    return found.decode("utf-8", "replace").strip() if len(found) <= MOST_BYTES else ""


def _environment_of(definition: Mapping[str, Any]) -> Mapping[str, str]:
    environment = definition.get("environment") or {}
    if not isinstance(environment, Mapping):
        environment = dict(entry.partition("=")[::2] for entry in environment)
    return {name: single(str(value)) for name, value in environment.items() if value is not None}


def _add_labels(definition: Mapping[str, Any] | None, labels: Mapping[str, str]) -> dict[str, Any]:
    """A part of a document with further labels; compose takes them as a map or as a list."""
    kept = dict(definition or {})
    had = kept.get("labels") or {}
    if isinstance(had, Sequence):
        had = dict(entry.partition("=")[::2] for entry in had)
    kept["labels"] = {**had, **labels}
    return kept
