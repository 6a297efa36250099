"""``socklat-gate report``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit_markdown, emit_utf8

if TYPE_CHECKING:
    from socklat_gate.measured.result import Result

__all__ = ["FORMATS", "report"]


def _renderer(module: str, function: str) -> Callable[[Result], str]:
    """The function of this name, imported when it is called."""

    def render(result: Result) -> str:
        text: str = getattr(import_module(f"socklat_gate.report.formats.{module}"), function)(
            result
        )
        return text

    return render


def _render_json(result: Result) -> str:
    from socklat_gate.report.formats.verdict_json import verdict_document

    return json.dumps(verdict_document(result), indent=2, allow_nan=False)


FORMATS: Mapping[str, Callable[[Result], str]] = {
    "markdown": _renderer("markdown", "render_markdown"),
    "html": _renderer("html.page", "render_html"),
    "json": _render_json,
    "junit": _renderer("junit", "render_junit"),
    "openmetrics": _renderer("openmetrics", "render_openmetrics"),
}


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

    text = FORMATS[form](result_at(result)).removesuffix("\n")
    if form == "markdown":
        emit_markdown(text)
    else:
        emit_utf8(text)
