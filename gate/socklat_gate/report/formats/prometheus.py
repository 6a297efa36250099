"""``metrics.txt``: the numbers of a result in Prometheus' own text format, version 0.0.4.

What scrapes, Pushgateway and node_exporter's textfile collector all read.  It has no types for
infos and sets of states: they are gauges, with the names that a scrape of OpenMetrics gives them.
"""

from __future__ import annotations

from prometheus_client.exposition import generate_latest

from socklat_gate.report.formats.metric_collector import registry_of
from socklat_gate.report.report import Report

__all__ = ["render"]


def render(report: Report) -> str:
    """The whole exposition."""
    return generate_latest(registry_of(report)).decode("utf-8")
