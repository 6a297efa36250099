"""Files that a scenario names: their paths are relative to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from socklat_gate.scenario.model import Scenario

__all__ = ["with_paths_from"]

TLS_FILES = ("ca_file", "cert_file", "key_file")
GRPC_FILES = ("descriptor_set", "proto")


def with_paths_from(directory: Path, scenario: Scenario) -> Scenario:
    """The scenario with absolute paths in place of those from ``directory``."""
    load = scenario.load
    found: dict[str, object] = {}
    if load.tls is not None:
        found["tls"] = load.tls.model_copy(update=_absolute(directory, load.tls, TLS_FILES))
    if load.grpc is not None:
        files: dict[str, object] = _absolute(directory, load.grpc, GRPC_FILES)
        files["import_paths"] = [
            str((directory / one).absolute()) for one in load.grpc.import_paths
        ]
        found["grpc"] = load.grpc.model_copy(update=files)
    return scenario.model_copy(update={"load": load.model_copy(update=found)})


def _absolute(directory: Path, table: object, names: tuple[str, ...]) -> dict[str, object]:
    named = {name: path for name in names if (path := getattr(table, name)) is not None}
    return {name: str((directory / path).absolute()) for name, path in named.items()}
