"""Reasons of the watch as sentences."""

from __future__ import annotations

from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.verdict import Verdict
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.fact_numbers import number_of

__all__ = ["growth_text", "more_stops_text", "watch_open_text"]


def more_stops_text(_fact: ReasonFact, verdict: Verdict) -> str:
    """How many stops in how much exposure, in both arms."""
    stops = verdict.stops
    if stops is None:
        return "the candidate's replicas stop more often"
    return (
        f"{plural(stops.candidate_stops, 'stop')} of the candidate of at least "
        f"{units.ns(stops.threshold_ns)} in {units.duration_s(stops.candidate_exposure_s)} of "
        f"{plural(stops.candidate_replicas, 'replica')}, {stops.baseline_stops} of the baseline "
        f"in {units.duration_s(stops.baseline_exposure_s)}"
    )


def growth_text(fact: ReasonFact, verdict: Verdict) -> str:
    """What grows, and how fast."""
    found = next((one for one in verdict.growth if one.what == fact.subject), None)
    if found is None:
        return f"{fact.subject} of the candidate's replicas grows with their age"
    return (
        f"{found.what} of the candidate's replicas grows with their age: "
        f"{units.change(found.candidate_change)} in {units.duration_s(found.minutes * 60)}, "
        f"{units.change(found.baseline_change)} of the baseline's"
    )


def watch_open_text(fact: ReasonFact, _verdict: Verdict) -> str:
    """What a pass still waits for."""
    if "evidence" in fact.numbers:
        evidence = number_of(fact.numbers, "evidence")
        return f"stops of the candidate's replicas speak for a regression (evidence {evidence:.3g})"
    missing = units.duration_s(number_of(fact.numbers, "missing_s"))
    return f"the replicas are to be watched for another {missing}"
