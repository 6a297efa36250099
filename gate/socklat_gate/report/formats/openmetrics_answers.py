"""Metric families of what came back to the driver, by arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from socklat_gate.measured.load_counts import Answers
from socklat_gate.report.formats.openmetrics_families import gauge, label_text

__all__ = ["answer_families"]

QUANTILES = (0.5, 0.99, 1.0)


def answer_families(arms: Mapping[str, Answers]) -> Iterator[Metric]:
    """Counts by status, failures by kind, sizes and connections; ``arms`` is by name."""
    counts = [
        ({"arm": arm, "status": label_text(status)}, float(count))
        for arm, answers in arms.items()
        for status, count in answers.statuses.items()
    ]
    yield gauge("answers", "Responses by status.", counts)
    errors = [
        ({"arm": arm, "kind": label_text(kind)}, float(count))
        for arm, answers in arms.items()
        for kind, count in answers.errors.items()
    ]
    yield gauge("answer_errors", "Failed requests by kind.", errors)
    sizes = [
        ({"arm": arm, "quantile": str(quantile)}, float(value))
        for arm, answers in arms.items()
        for quantile, value in zip(QUANTILES, answers.sizes.quantiles_ns(QUANTILES), strict=True)
    ]
    yield gauge("answer_size", "Size of the responses.", sizes, "bytes")
    connections = [
        ({"arm": arm, "fate": fate}, float(count))
        for arm, answers in arms.items()
        for fate, count in (("opened", answers.opened), ("lost", answers.lost))
    ]
    yield gauge("connections", "Connections opened, and lost by the service's doing.", connections)
