"""The formats of a report: one module each, loaded only when its format is used.

A new format is a module with ``render(report) -> str`` and a line in `FORMATS`; the writer,
``report --format``, the action and the documentation take the list from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from socklat_gate.documents.reading import RESULT_FILE

if TYPE_CHECKING:
    from socklat_gate.report.report import Report

__all__ = ["FORMATS", "Format", "report_files"]


class Renderer(Protocol):
    """What the module of a format has."""

    def render(self, report: Report) -> str:
        """The whole file, ending with a line break."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its name for ``report --format``, its file, its media type and its module."""

    name: str
    file: str
    media_type: str
    module: str

    def render(self, report: Report) -> str:
        """The whole file, ending with a line break."""
        renderer = import_module(f"socklat_gate.report.formats.{self.module}")
        return cast(Renderer, renderer).render(report)


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format("markdown", "report.md", "text/markdown", "markdown"),
        Format("html", "report.html", "text/html", "html.page"),
        Format("json", "verdict.json", "application/json", "verdict_json"),
        Format("junit", "junit.xml", "application/xml", "junit"),
        Format("prometheus", "metrics.txt", "text/plain; version=0.0.4", "prometheus"),
        Format("openmetrics", "openmetrics.txt", "application/openmetrics-text", "openmetrics"),
    )
}


def report_files() -> Iterator[str]:
    """Names of all files of a report, the stored result first."""
    yield RESULT_FILE
    yield from (one.file for one in FORMATS.values())
