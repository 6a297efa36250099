"""``socklat-gate schema``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import rich_click as click

from socklat_gate.commands.output import emit_json
from socklat_gate.documents.json_schema import result_schema, verdict_schema
from socklat_gate.scenario import Scenario

__all__ = ["SCHEMAS", "schema"]

SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "scenario": Scenario.model_json_schema,
    "verdict": verdict_schema,
    "result": result_schema,
}


@click.command()
@click.argument("what", type=click.Choice(list(SCHEMAS)), default="scenario")
def schema(what: str) -> None:
    """Print the JSON schema of socklat.toml (default), verdict.json or result.json.

    Point an editor at it, and it completes and checks keys.

    For instance:

        socklat-gate schema > socklat.schema.json
    """
    emit_json(SCHEMAS[what]())
