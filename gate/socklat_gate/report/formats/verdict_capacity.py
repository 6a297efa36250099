"""``capacity`` of ``verdict.json``: the highest rate of both arms, and its schema."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from socklat_gate.documents.json_schema import NUMBER, TEXT, schema_of_type
from socklat_gate.measured.capacity import CapacityLimits, CapacityStudy, CapacityVerdict
from socklat_gate.measured.names import CAPACITY_RPS

__all__ = ["capacity_members", "capacity_schema"]

JSON = dict[str, Any]


def capacity_members(study: CapacityStudy) -> JSON:
    """One flat object: the metric's name, its outcome as ``verdict``, its zone, its numbers."""
    found, limits = asdict(study.verdict), study.limits
    outcome = found.pop("outcome")
    zone = {
        "tolerance": limits.tolerance,
        "regression_threshold": limits.threshold,
        "within_ns": limits.within_ns,
        "share": limits.share,
    }
    return {"name": CAPACITY_RPS, "verdict": outcome, **found, **zone}


def capacity_schema() -> JSON:
    """Schema of that object."""
    schema, limits = schema_of_type(CapacityVerdict), schema_of_type(CapacityLimits)
    found = schema["properties"]
    found["verdict"] = found.pop("outcome")
    found["name"] = TEXT
    found["regression_threshold"] = NUMBER
    for name in ("tolerance", "within_ns", "share"):
        found[name] = limits["properties"][name]
    return {**schema, "properties": found, "required": sorted(found)}
