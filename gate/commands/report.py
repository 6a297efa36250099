"""``socklat-gate report``."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from gate.baseline.campaigns import result_at
from gate.commands.output import emit, emit_json
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
    help="json is what verdict.json holds.",
)
def report(result: Path, form: str) -> None:
    """Print the report of a stored RESULT (a result.json, or its directory).

    For instance:

        socklat-gate report socklat-out --format markdown
    """
    loaded = result_at(result)
    if form == "json":
        emit_json(verdict_document(loaded))
    else:
        emit(render_markdown(loaded))
