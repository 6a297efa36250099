"""``socklat-gate report``."""

from __future__ import annotations

from pathlib import Path

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit_markdown, emit_utf8
from socklat_gate.masking import mask
from socklat_gate.report.formats.registry import FORMATS

__all__ = ["report"]


@command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    help="json is what verdict.json holds, prometheus what metrics.txt does [markdown; on a "
    "terminal laid out for it].",
)
def report(result: Path, form: str | None) -> None:
    """Print the report of a stored RESULT (a result.json, or its directory).

    Every format is printed in UTF-8, whatever the locale is.

    For instance:

        socklat-gate report socklat-out --format html > report.html
    """
    from socklat_gate.baseline.campaigns import result_at
    from socklat_gate.report.report import report_of

    text = FORMATS[form or "markdown"].render(report_of(result_at(result))).removesuffix("\n")
    if form is None:
        emit_markdown(text)
    else:
        emit_utf8(mask(text) if form == "markdown" else text)
