"""Files that a scenario names: their paths are relative to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from socklat_gate.scenario.model import Scenario

__all__ = ["with_paths_from"]

TLS_FILES = ("ca_file", "cert_file", "key_file")


def with_paths_from(directory: Path, scenario: Scenario) -> Scenario:
    """The scenario with absolute paths in place of those from ``directory``."""
    tls = scenario.load.tls
    if tls is None:
        return scenario
    named = {name: path for name in TLS_FILES if (path := getattr(tls, name)) is not None}
    found = {name: str((directory / path).absolute()) for name, path in named.items()}
    load = scenario.load.model_copy(update={"tls": tls.model_copy(update=found)})
    return scenario.model_copy(update={"load": load})
