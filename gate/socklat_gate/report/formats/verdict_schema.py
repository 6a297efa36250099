"""JSON schema (draft 2020-12) of ``verdict.json``, from the dataclasses that it is made of."""

from __future__ import annotations

from typing import Any

from socklat_gate.documents.decoding import hints_of
from socklat_gate.documents.json_schema import (
    COUNT,
    DRAFT,
    NUMBER,
    TEXT,
    nullable,
    object_schema,
    schema_of_type,
)
from socklat_gate.errors import Exit, Reason
from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.load_counts import Answers
from socklat_gate.measured.names import Unit
from socklat_gate.measured.pair import Interleave
from socklat_gate.measured.result import Completeness, Kind
from socklat_gate.measured.verdict import (
    CountVerdict,
    LimitVerdict,
    MetricVerdict,
    Outcome,
    SpikeVerdict,
)
from socklat_gate.report.formats.verdict_capacity import capacity_schema
from socklat_gate.report.formats.verdict_json import (
    LEFT_OUT,
    LIMIT_VALUES,
    RAW,
    VALUES,
    VERDICT_SCHEMA_VERSION,
    in_bytes,
)
from socklat_gate.report.formats.verdict_requests import request_schemas
from socklat_gate.report.formats.verdict_watch import watch_schemas
from socklat_gate.report.machine import NUMBERS
from socklat_gate.report.raw_numbers import Correction

__all__ = ["verdict_schema"]

JSON = dict[str, Any]

ADDED = {
    "mde",
    "answers",
    "requests",
    "handshakes",
    "join",
    "container_metrics",
    "limits",
    "capacity",
    "spikes",
    "stops",
    "growth",
    "counts",
    "machine",
    "correction",
    "interleave",
    "starts",
    "containers",
    "calibration",
    "branch",
    "baseline_commit",
    "baseline_choice",
    "notes",
}
"""Members that files written by earlier versions of the same schema version lack."""


def verdict_schema() -> JSON:
    """Schema of ``verdict.json``."""
    completeness = schema_of_type(Completeness)
    completeness["properties"]["balanced"] = {"type": "boolean"}
    completeness["required"].append("balanced")
    metric, spikes = schema_of_type(MetricVerdict), schema_of_type(SpikeVerdict)
    for name in (*LEFT_OUT, *(f"raw_{name}" for name in RAW)):
        del metric["properties"][name]
    limit = schema_of_type(LimitVerdict)
    del limit["properties"]["shortfalls"]
    for one, values in ((metric, VALUES), (limit, LIMIT_VALUES)):
        one["properties"]["unit"] = schema_of_type(Unit)
        one["properties"].update({in_bytes(name): NUMBER for name in values})
    metric["properties"]["raw"] = object_schema(dict.fromkeys(RAW, NUMBER))
    rates = dict.fromkeys(("baseline_per_s", "candidate_per_s", "stored_per_s"), NUMBER)
    spikes["properties"].update(rates, notes={"type": "array", "items": TEXT}, power=TEXT)
    spread = nullable(object_schema({"median": NUMBER, "max": NUMBER}))
    reason = object_schema({"code": {"enum": [reason.value for reason in Reason]}, "text": TEXT})
    properties: JSON = {
        "schema_version": {"const": VERDICT_SCHEMA_VERSION},
        "mde": {"type": "object", "additionalProperties": NUMBER},
        "verdict": {"enum": [*(outcome.value for outcome in Outcome), None]},
        "exit_code": {
            "enum": sorted({int(outcome.exit_code) for outcome in Outcome} | {Exit.PASS})
        },
        "reasons": {"type": "array", "items": reason},
        "kind": schema_of_type(Kind),
        "scenario": TEXT,
        "baseline_image": TEXT,
        "candidate_image": TEXT,
        "commit": TEXT,
        "created": TEXT,
        "seed": COUNT,
        "pairs": COUNT,
        "pairs_to_decide": nullable(COUNT),
        "duration_s": NUMBER,
        "metrics": {"type": "array", "items": metric},
        "limits": {"type": "array", "items": limit},
        "capacity": nullable(capacity_schema()),
        "spikes": nullable(spikes),
        **watch_schemas(),
        "counts": {"type": "array", "items": schema_of_type(CountVerdict)},
        "attribution": {"type": "array", "items": schema_of_type(Attribution)},
        "answers": {"type": "array", "items": _answers()},
        **request_schemas(),
        "container_metrics": {"type": "array", "items": _container_metrics()},
        "completeness": nullable(completeness),
        "environment": {"type": "object", "additionalProperties": TEXT},
        "machine": object_schema(dict.fromkeys(NUMBERS, spread)),
        "correction": nullable(schema_of_type(Correction)),
        "interleave": nullable(schema_of_type(Interleave)),
        "starts": nullable(COUNT),
        "containers": COUNT,
        "drift": TEXT,
        "calibration": TEXT,
        "branch": TEXT,
        "baseline_commit": TEXT,
        "baseline_choice": TEXT,
        "notes": {"type": "array", "items": TEXT},
    }
    return {"$schema": DRAFT, "title": "socklat-gate verdict", **object_schema(properties, ADDED)}


def _answers() -> JSON:
    hints = hints_of(Answers)
    counts = {name: schema_of_type(hints[name]) for name in ("source", "statuses", "errors", "tls")}
    sizes = dict.fromkeys(("size_p50_bytes", "size_p99_bytes", "size_max_bytes"), NUMBER)
    connections = dict.fromkeys(("connections_opened", "connections_lost"), COUNT)
    return object_schema({"arm": TEXT, **counts, **sizes, **connections})


def _container_metrics() -> JSON:
    unit = schema_of_type(Unit)
    arm = {"type": "object", "additionalProperties": NUMBER}  # by the unit
    arms = {"type": "object", "additionalProperties": arm}
    return object_schema({"name": TEXT, "unit": unit, "arms": arms, "change": NUMBER})
