"""A result in each format, as the commands print it."""

from __future__ import annotations

from socklat_gate.measured.result import Result
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.report import report_of

__all__ = ["render_html", "render_junit", "render_markdown", "render_openmetrics"]


def render_html(result: Result) -> str:
    return FORMATS["html"].render(report_of(result))


def render_junit(result: Result) -> str:
    return FORMATS["junit"].render(report_of(result))


def render_markdown(result: Result) -> str:
    return FORMATS["markdown"].render(report_of(result))


def render_openmetrics(result: Result) -> str:
    return FORMATS["openmetrics"].render(report_of(result))
