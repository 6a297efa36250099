"""JSON schemas (draft 2020-12) of ``verdict.json`` and ``result.json``, from the dataclasses."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, Literal

from socklat_gate.documents.codec import hints_of
from socklat_gate.documents.envelope import RESULT_SCHEMA, SCHEMA_VERSION
from socklat_gate.errors import Exit, Reason
from socklat_gate.measured.facts import Scalar
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import Interleave
from socklat_gate.measured.result import Completeness, Result
from socklat_gate.measured.run import Bands
from socklat_gate.measured.verdict import Attribution, MetricVerdict, Outcome, SpikeVerdict
from socklat_gate.report.formats.verdict_json import LEFT_OUT, RAW, VERDICT_SCHEMA_VERSION
from socklat_gate.report.machine import NUMBERS
from socklat_gate.report.raw_numbers import Correction

__all__ = ["result_schema", "verdict_schema"]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

JSON = dict[str, Any]

COUNT: JSON = {"type": "integer", "minimum": 0}
TEXT: JSON = {"type": "string"}
NUMBER: JSON = {"type": ["number", "null"]}
SCALAR: JSON = {"type": ["number", "string", "null"]}

ADDED = {
    "spikes",
    "machine",
    "correction",
    "interleave",
    "starts",
    "calibration",
    "branch",
    "baseline_commit",
    "baseline_choice",
}
"""Members that files written by earlier versions of the same schema version lack."""


def verdict_schema() -> JSON:
    """Schema of ``verdict.json``."""
    completeness = _schema(Completeness)
    completeness["properties"]["balanced"] = {"type": "boolean"}
    completeness["required"].append("balanced")
    metric, spikes = _schema(MetricVerdict), _schema(SpikeVerdict)
    for name in (*LEFT_OUT, *(f"raw_{name}" for name in RAW)):
        del metric["properties"][name]
    metric["properties"]["raw"] = _object(dict.fromkeys(RAW, NUMBER))
    rates = dict.fromkeys(("baseline_per_s", "candidate_per_s", "stored_per_s"), NUMBER)
    spikes["properties"].update(rates, notes={"type": "array", "items": TEXT}, power=TEXT)
    spread = _or_null(_object({"median": NUMBER, "max": NUMBER}))
    reason = _object({"code": {"enum": [reason.value for reason in Reason]}, "text": TEXT})
    properties: JSON = {
        "schema_version": {"const": VERDICT_SCHEMA_VERSION},
        "verdict": {"enum": [*(outcome.value for outcome in Outcome), None]},
        "exit_code": {
            "enum": sorted({int(outcome.exit_code) for outcome in Outcome} | {Exit.PASS})
        },
        "reasons": {"type": "array", "items": reason},
        "kind": _schema(hints_of(Result)["kind"]),
        "scenario": TEXT,
        "baseline_image": TEXT,
        "candidate_image": TEXT,
        "commit": TEXT,
        "created": TEXT,
        "seed": COUNT,
        "pairs": COUNT,
        "pairs_to_decide": _or_null(COUNT),
        "duration_s": NUMBER,
        "metrics": {"type": "array", "items": metric},
        "spikes": _or_null(spikes),
        "attribution": {"type": "array", "items": _schema(Attribution)},
        "completeness": _or_null(completeness),
        "environment": {"type": "object", "additionalProperties": TEXT},
        "machine": _object(dict.fromkeys(NUMBERS, spread)),
        "correction": _or_null(_schema(Correction)),
        "interleave": _or_null(_schema(Interleave)),
        "starts": _or_null(COUNT),
        "drift": TEXT,
        "calibration": TEXT,
        "branch": TEXT,
        "baseline_commit": TEXT,
        "baseline_choice": TEXT,
    }
    return {"$schema": DRAFT, "title": "socklat-gate verdict", **_object(properties, ADDED)}


def result_schema() -> JSON:
    """Schema of ``result.json``: the envelope and its body."""
    properties: JSON = {
        "schema": {"const": RESULT_SCHEMA},
        "schema_version": {"const": SCHEMA_VERSION},
        "checksum": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "body": _schema(Result),
    }
    return {"$schema": DRAFT, "title": "socklat-gate result", **_object(properties)}


def _schema(hint: Any) -> JSON:
    """Schema of one type as `documents.codec` writes it."""
    origin = typing.get_origin(hint)
    if origin is None:
        return _class_schema(hint)
    arms = typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if hint == Scalar:
            return SCALAR
        (inner,) = (arm for arm in arms if arm is not type(None))
        return _or_null(_schema(inner))
    if origin is Literal:
        return {"enum": list(arms)}
    if origin is tuple:
        return _tuple_schema(arms)
    assert issubclass(origin, Mapping), f"no schema for {hint}"
    return {"type": "object", "additionalProperties": _schema(arms[1])}


def _tuple_schema(arms: tuple[Any, ...]) -> JSON:
    if arms[-1] is Ellipsis:
        return {"type": "array", "items": _schema(arms[0])}
    places = [_schema(arm) for arm in arms]
    return {"type": "array", "prefixItems": places, "items": False, "minItems": len(arms)}


def _class_schema(kind: type) -> JSON:
    if kind is Histogram:
        return {"type": "string", "description": "HdrHistogram V2 compressed, base64, in ns"}
    if kind is Bands:
        row = {"type": "array", "items": COUNT, "minItems": 2}
        stages = {"type": "array", "items": TEXT}
        return _object({"stages": stages, "rows": {"type": "array", "items": row}})
    if is_dataclass(kind):
        properties = {f.name: _schema(hints_of(kind)[f.name]) for f in fields(kind)}
        optional = {
            f.name
            for f in fields(kind)
            if f.default is not MISSING or f.default_factory is not MISSING
        }
        return _object(properties, optional)
    if issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    return {bool: {"type": "boolean"}, int: COUNT, float: NUMBER, str: TEXT}[kind]


def _object(properties: JSON, optional: set[str] | None = None) -> JSON:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in (optional or ())],
        "additionalProperties": False,
    }


def _or_null(schema: JSON) -> JSON:
    return {"anyOf": [schema, {"type": "null"}]}
