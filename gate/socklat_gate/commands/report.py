"""``socklat-gate report``."""

from __future__ import annotations

from pathlib import Path

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit_markdown, emit_utf8
from socklat_gate.report.formats.registry import FORMATS

__all__ = ["report"]


@command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="markdown",
    show_default=True,
    help="json is what verdict.json holds.",
)
def report(result: Path, form: str) -> None:
    """Print the report of a stored RESULT (a result.json, or its directory).

    For instance:

        socklat-gate report socklat-out --format html > report.html
    """
    from socklat_gate.baseline.campaigns import result_at
    from socklat_gate.report.report import report_of

    text = FORMATS[form].render(report_of(result_at(result))).removesuffix("\n")
    if form == "markdown":
        emit_markdown(text)
    else:
        emit_utf8(text)
