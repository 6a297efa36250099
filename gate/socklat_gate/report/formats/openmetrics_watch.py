"""Stops of replicas, and what grows with their age, in the OpenMetrics format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import Metric

from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.stop_verdict import MECHANISMS, GrowthVerdict, StopVerdict
from socklat_gate.report.formats.openmetrics_families import gauge, states
from socklat_gate.wording.growth_text import growth_outcome
from socklat_gate.wording.watch_text import UNLIKE, stops_outcome

__all__ = ["grown", "stopped"]


def stopped(stops: StopVerdict | None) -> Iterator[Metric]:
    """Families of the stops that the watch saw, and of those that it would have found."""
    if stops is None:
        return
    yield states("stops_verdict", "The outcome of the watch.", [({}, stops_outcome(stops))])
    for name, kind, text, unit in (
        ("stops", "stops", "Stops of replicas, as moments.", ""),
        ("stops_replicas", "replicas", "Replicas watched.", ""),
        ("stops_replicas_stopped", "with", "Replicas that had a stop.", ""),
        ("stops_exposure", "exposure_s", "Time watched, added up over replicas.", "seconds"),
    ):
        rows = [({"arm": arm}, float(getattr(stops, f"{arm}_{kind}"))) for arm in ARMS]
        yield gauge(name, text, rows, unit)
    yield gauge(
        "stops_shared",
        "Moments at which both arms stopped, which count for neither.",
        [({}, float(stops.shared))],
    )
    unlike = [({"kind": kind}, float(getattr(stops, kind))) for kind in UNLIKE]
    yield gauge("stops_unlike", "Replicas unlike the baseline's, which keep a pass away.", unlike)
    for name, text, value in (
        ("threshold", "Time of an exchange from which on it is a stop.", stops.threshold_ns / 1e9),
        ("longest", "The candidate's longest.", stops.longest_ns / 1e9),
        ("oldest", "Age of the candidate's oldest replica.", stops.oldest_s),
        ("missing", "What a pass still waits for.", stops.missing_s),
        ("found_every", "So frequent ones fail 90% of such jobs.", stops.found_every_s),
        ("found_from_start", "One up to this age does.", stops.found_from_start_s),
        ("found_length", "If it takes as long as this, or longer.", stops.sure_ns / 1e9),
    ):
        rows = [({}, value)] if value is not None else []
        yield gauge(f"stops_{name}", text, rows, "seconds")
    named = [({"mechanism": one}, float(stops.mechanisms.get(one, 0))) for one in MECHANISMS]
    yield gauge("stops_mechanism", "The candidate's stops by what its threads did.", named)
    held = [({"of": of}, getattr(stops, of)) for of in ("evidence", "threshold")]
    yield gauge("stops_evidence", "Evidence (e-value) to fail and its threshold.", held)
    yield gauge("stops_failed", "1 when the candidate has more.", [({}, float(stops.failed))])


def grown(growth: Sequence[GrowthVerdict]) -> Iterator[Metric]:
    """Families of what may grow with the age of replicas."""
    found = [({"what": one.what}, one) for one in growth]
    outcomes = [(labels, growth_outcome(one)) for labels, one in found]
    yield states("growth_verdict", "The outcome by what may grow.", outcomes)
    rows = [
        (labels | {"arm": arm}, getattr(one, f"{arm}_change"))
        for labels, one in found
        for arm in ARMS
    ]
    yield gauge("growth", "Late beside the first minute, 0.05 being 5% more.", rows, "ratio")
    for name, text in (
        ("change", "The candidate's beside the baseline's, for each minute of life."),
        ("ci_low", "Lower end of its interval."),
        ("ci_high", "Upper end of its interval."),
    ):
        values = [(labels, getattr(one, name)) for labels, one in found]
        yield gauge(f"growth_{name}", text, values, "ratio")
    held = [
        (labels | {"of": of}, getattr(one, of))
        for labels, one in found
        for of in ("evidence", "threshold")
    ]
    yield gauge("growth_evidence", "Evidence (e-value) to fail and its threshold.", held)
    failed = [(labels, float(one.failed)) for labels, one in found]
    yield gauge("growth_failed", "1 when the candidate's grows.", failed)
