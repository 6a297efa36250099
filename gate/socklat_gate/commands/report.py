"""``socklat-gate report``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import rich_click as click

from socklat_gate.baseline.campaigns import result_at
from socklat_gate.commands.output import emit
from socklat_gate.measured.result import Result
from socklat_gate.report.formats.html.page import render_html
from socklat_gate.report.formats.junit import render_junit
from socklat_gate.report.formats.markdown import render_markdown
from socklat_gate.report.formats.openmetrics import render_openmetrics
from socklat_gate.report.formats.verdict_json import verdict_document

__all__ = ["FORMATS", "report"]


def _render_json(result: Result) -> str:
    return json.dumps(verdict_document(result), indent=2, allow_nan=False)


FORMATS: Mapping[str, Callable[[Result], str]] = {
    "markdown": render_markdown,
    "html": render_html,
    "json": _render_json,
    "junit": render_junit,
    "openmetrics": render_openmetrics,
}


@click.command()
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
    emit(FORMATS[form](result_at(result)).removesuffix("\n"))
