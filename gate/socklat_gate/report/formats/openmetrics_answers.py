"""Metric families of what came back to the driver, by arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric, SummaryMetricFamily

from socklat_gate.measured.load_counts import Answers
from socklat_gate.report.formats.openmetrics_families import PREFIX, gauge, label_text

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
    yield _sizes(arms)
    connections = [
        ({"arm": arm, "fate": fate}, float(count))
        for arm, answers in arms.items()
        for fate, count in (("opened", answers.opened), ("lost", answers.lost))
    ]
    yield gauge("connections", "Connections opened, and lost by the service's doing.", connections)


def _sizes(arms: Mapping[str, Answers]) -> Metric:
    text = "Size of the responses."
    found = SummaryMetricFamily(f"{PREFIX}_answer_size_bytes", text, labels=["arm"], unit="bytes")
    for arm, answers in arms.items():
        sizes = answers.sizes
        if not sizes.total:
            continue
        for quantile, value in zip(QUANTILES, sizes.quantiles_ns(QUANTILES), strict=True):
            place = {"arm": arm, "quantile": str(quantile)}
            found.add_sample(found.name, place, float(value))
        found.add_metric([arm], sizes.total, sizes.mean_ns() * sizes.total)
    return found
