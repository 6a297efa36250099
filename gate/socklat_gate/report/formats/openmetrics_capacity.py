"""The highest rate of both arms in the OpenMetrics format."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from socklat_gate.measured.capacity import CapacityStudy
from socklat_gate.report.formats.openmetrics_families import gauge, states

__all__ = ["carried"]


def carried(study: CapacityStudy | None) -> Iterator[Metric]:
    """Families of a metric of stage ``capacity``; losses are negative changes."""
    if study is None:
        return
    found, limits = study.verdict, study.limits
    yield states("capacity_verdict", "The outcome of the highest rate.", [({}, found.outcome)])
    rates = [({"arm": arm}, getattr(found, f"{arm}_rps")) for arm in ("baseline", "candidate")]
    yield gauge("capacity_rps", "Highest rate that is carried, requests per second.", rates)
    for name, text, value in (
        ("change", "Estimated change, -0.05 being a loss of 5%.", found.change),
        ("ci_low", "Lower end of the change's interval.", found.ci_low),
        ("ci_high", "Upper end of the change's interval.", found.ci_high),
        ("tolerance", "Change down to which it passes.", -limits.tolerance),
        ("regression_threshold", "Change from which on it has to fail.", -limits.threshold),
    ):
        yield gauge(f"capacity_{name}", text, [({}, value)], "ratio")
    rows = [
        ({"to": to, "of": of}, getattr(found, f"{of}_{to}"))
        for to in ("fail", "pass")
        for of in ("evidence", "threshold")
    ]
    yield gauge("capacity_evidence", "Evidence (e-values) and the threshold of each.", rows)
    yield gauge("capacity_rounds", "Rounds of staircases.", [({}, float(found.rounds))])
