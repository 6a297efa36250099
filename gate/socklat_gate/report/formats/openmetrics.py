"""``openmetrics.txt``: the numbers of a result in OpenMetrics text 1.0."""

from __future__ import annotations

from prometheus_client.openmetrics.exposition import generate_latest

from socklat_gate.report.formats.metric_collector import registry_of
from socklat_gate.report.report import Report

__all__ = ["render"]


def render(report: Report) -> str:
    """The whole exposition, ``# EOF`` included."""
    text: bytes = generate_latest(registry_of(report))  # type: ignore[no-untyped-call]
    return text.decode("utf-8")
