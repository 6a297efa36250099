"""``socklat-gate report``."""

from __future__ import annotations

import json
from pathlib import Path

import rich_click as click

from gate.baseline.campaigns import result_at
from gate.report.markdown import render_markdown
from gate.report.verdict_json import verdict_document

__all__ = ["report"]


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "json"]),
    default="markdown",
    show_default=True,
)
def report(result: Path, form: str) -> None:
    """Print the report of a stored RESULT (a result.json, or its directory).

    Example: `socklat-gate report socklat-out --format markdown`
    """
    loaded = result_at(result)
    if form == "json":
        click.echo(json.dumps(verdict_document(loaded), indent=2, allow_nan=False))
    else:
        click.echo(render_markdown(loaded))
