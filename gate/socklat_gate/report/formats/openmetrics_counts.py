"""Failed requests, overload and connections in the OpenMetrics format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import Metric

from socklat_gate.measured.verdict import CountVerdict
from socklat_gate.report.formats.openmetrics_families import gauge, label_text

__all__ = ["counted"]


def counted(verdicts: Sequence[CountVerdict]) -> Iterator[Metric]:
    """Families of what was counted in both arms and judged."""
    counts = [({"count": label_text(one.name)}, one) for one in verdicts]
    for name, kind, text in (
        ("counted", "count", "Failed requests, pairs in overload, connections opened."),
        ("counted_of", "total", "Of how many."),
    ):
        rows = [
            (labels | {"arm": arm}, float(getattr(one, f"{arm}_{kind}")))
            for labels, one in counts
            for arm in ("baseline", "candidate")
        ]
        yield gauge(name, text, rows)
    rows = [
        (labels | {"of": of}, getattr(one, of))
        for labels, one in counts
        for of in ("evidence", "threshold")
    ]
    yield gauge("counted_evidence", "Evidence (e-values) to fail and its threshold.", rows)
    failed = [(labels, float(one.failed)) for labels, one in counts]
    yield gauge("counted_failed", "1 when the candidate has more.", failed)
