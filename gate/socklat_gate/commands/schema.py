"""``socklat-gate schema``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit_json

__all__ = ["SCHEMAS", "schema"]


def _scenario_schema() -> dict[str, Any]:
    from socklat_gate.scenario import Scenario

    return Scenario.model_json_schema()


def _verdict_schema() -> dict[str, Any]:
    from socklat_gate.report.formats.verdict_schema import verdict_schema

    return verdict_schema()


def _result_schema() -> dict[str, Any]:
    from socklat_gate.documents.json_schema import result_schema

    return result_schema()


SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "scenario": _scenario_schema,
    "verdict": _verdict_schema,
    "result": _result_schema,
}


@command()
@click.argument("what", type=click.Choice(list(SCHEMAS)), default="scenario")
def schema(what: str) -> None:
    """Print the JSON schema of socklat.toml (default), verdict.json or result.json.

    Point an editor at it, and it completes and checks keys.

    For instance:

        socklat-gate schema > socklat.schema.json
    """
    emit_json(SCHEMAS[what]())
