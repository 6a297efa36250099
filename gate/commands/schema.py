"""``socklat-gate schema``."""

from __future__ import annotations

import json

import rich_click as click

from gate.report.schema import verdict_schema
from gate.scenario import Scenario

__all__ = ["schema"]


@click.command()
@click.argument("what", type=click.Choice(["scenario", "verdict"]), default="scenario")
def schema(what: str) -> None:
    """Print the JSON schema of socklat.toml (default) or of verdict.json.

    Example: `socklat-gate schema > socklat.schema.json`, then point an editor at it.
    """
    document = Scenario.model_json_schema() if what == "scenario" else verdict_schema()
    click.echo(json.dumps(document, indent=2))
