"""``stops`` and ``growth`` of ``verdict.json``: what the watch found, and the schema of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from socklat_gate.documents.json_schema import NUMBER, TEXT, nullable, schema_of_type
from socklat_gate.measured.stop_verdict import GrowthVerdict, StopVerdict
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.wording.growth_text import growth_outcome
from socklat_gate.wording.stop_text import found_text
from socklat_gate.wording.watch_text import stops_outcome

__all__ = ["watch_members", "watch_schemas"]

JSON = dict[str, Any]

RATES = ("baseline_per_s", "candidate_per_s")
OUTCOME = {"enum": [outcome.value for outcome in Outcome]}


def watch_members(verdict: Verdict) -> JSON:
    """``stops`` (None: no replicas were watched) and ``growth``; numbers may be NaN."""
    return {
        "stops": _stops(verdict.stops) if verdict.stops else None,
        "growth": [{"verdict": growth_outcome(one).value, **asdict(one)} for one in verdict.growth],
    }


def watch_schemas() -> JSON:
    """The schemas of the same."""
    stops, growth = schema_of_type(StopVerdict), schema_of_type(GrowthVerdict)
    stops["properties"] |= {"verdict": OUTCOME, **dict.fromkeys(RATES, NUMBER), "power": TEXT}
    growth["properties"]["verdict"] = OUTCOME
    return {"stops": nullable(stops), "growth": {"type": "array", "items": growth}}


def _stops(stops: StopVerdict) -> JSON:
    rates = (
        stops.baseline_stops / stops.baseline_exposure_s if stops.baseline_exposure_s > 0 else None,
        stops.candidate_stops / stops.candidate_exposure_s
        if stops.candidate_exposure_s > 0
        else None,
    )
    return {
        "verdict": stops_outcome(stops).value,
        **asdict(stops),
        **dict(zip(RATES, rates, strict=True)),
        "power": found_text(stops),
    }
