"""``socklat-gate schema``."""

from __future__ import annotations

import rich_click as click

from gate.commands.output import emit_json
from gate.report.schema import verdict_schema
from gate.scenario import Scenario

__all__ = ["schema"]


@click.command()
@click.argument("what", type=click.Choice(["scenario", "verdict"]), default="scenario")
def schema(what: str) -> None:
    """Print the JSON schema of socklat.toml (default) or of verdict.json.

    Point an editor at it, and it completes and checks keys.

    For instance:

        socklat-gate schema > socklat.schema.json
    """
    document = Scenario.model_json_schema() if what == "scenario" else verdict_schema()
    emit_json(document)
