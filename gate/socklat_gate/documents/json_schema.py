"""JSON schema (draft 2020-12) of ``result.json``, and of any stored type, from the dataclasses.

Pydantic's ``TypeAdapter.json_schema`` would describe what it reads; these describe what
`documents.codec` writes: numbers that may be null, HDR text, sparse rows.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, Literal

from socklat_gate.documents.decoding import hints_of
from socklat_gate.documents.envelope import RESULT_SCHEMA, SCHEMA_VERSION
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.measured.facts import Scalar
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import Noise, Pair
from socklat_gate.measured.result import RESULT_TYPES, Completeness
from socklat_gate.measured.run import Bands, Run
from socklat_gate.measured.verdict import Verdict

__all__ = [
    "COUNT",
    "DRAFT",
    "NUMBER",
    "TEXT",
    "nullable",
    "object_schema",
    "result_schema",
    "schema_of_type",
]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

JSON = dict[str, Any]

SHARED = (Campaign, Completeness, Fingerprint, Noise, Pair, Run, Verdict)
"""What results have in more than one place; its schema stands once."""

COUNT: JSON = {"type": "integer", "minimum": 0}
TEXT: JSON = {"type": "string"}
NUMBER: JSON = {"type": ["number", "null"]}
SCALAR: JSON = {"type": ["number", "string", "null"]}


def result_schema() -> JSON:
    """Schema of ``result.json``: the envelope and its body, one of three by its kind."""
    kinds = [_dataclass_schema(one, {"kind": one.kind}) for one in RESULT_TYPES]
    shared = {one.__name__: _dataclass_schema(one) for one in SHARED}
    properties: JSON = {
        "schema": {"const": RESULT_SCHEMA},
        "schema_version": {"const": SCHEMA_VERSION},
        "checksum": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "body": {"oneOf": _with_references(kinds, shared)},
    }
    definitions = {
        name: {key: _with_references(part, shared) for key, part in schema.items()}
        for name, schema in shared.items()
    }
    top = object_schema(properties)
    return {"$schema": DRAFT, "title": "socklat-gate result", **top, "$defs": definitions}


def schema_of_type(hint: Any) -> JSON:
    """Schema of one type as `documents.codec` writes it."""
    origin = typing.get_origin(hint)
    if origin is None:
        return _class_schema(hint)
    arms = typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if hint == Scalar:
            return SCALAR
        (inner,) = (arm for arm in arms if arm is not type(None))
        return nullable(schema_of_type(inner))
    if origin is Literal:
        return {"enum": list(arms)}
    if origin is tuple:
        return _tuple_schema(arms)
    assert issubclass(origin, Mapping), f"no schema for {hint}"
    return {"type": "object", "additionalProperties": schema_of_type(arms[1])}


def _with_references(schema: Any, shared: Mapping[str, JSON]) -> Any:
    """The same schema with a reference wherever it holds one of ``shared``."""
    for name, one in shared.items():
        if schema == one:
            return {"$ref": f"#/$defs/{name}"}
    if isinstance(schema, dict):
        return {key: _with_references(part, shared) for key, part in schema.items()}
    if isinstance(schema, list):
        return [_with_references(part, shared) for part in schema]
    return schema


def _tuple_schema(arms: tuple[Any, ...]) -> JSON:
    if arms[-1] is Ellipsis:
        return {"type": "array", "items": schema_of_type(arms[0])}
    places = [schema_of_type(arm) for arm in arms]
    return {"type": "array", "prefixItems": places, "items": False, "minItems": len(arms)}


def _class_schema(kind: type) -> JSON:
    if kind is Histogram:
        return {
            "type": "string",
            "description": "HdrHistogram V2 compressed, base64: ns; sizes: bytes",
        }
    if kind is Bands:
        row = {"type": "array", "items": COUNT, "minItems": 2}
        stages = {"type": "array", "items": TEXT}
        return object_schema({"stages": stages, "rows": {"type": "array", "items": row}})
    if is_dataclass(kind):
        return _dataclass_schema(kind)
    if issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    return {bool: {"type": "boolean"}, int: COUNT, float: NUMBER, str: TEXT}[kind]


def _dataclass_schema(kind: Any, constants: Mapping[str, str] | None = None) -> JSON:
    """An object with a member for every field, after members that have one value only."""
    properties: JSON = {name: {"const": value} for name, value in (constants or {}).items()}
    declared = fields(kind)
    properties |= {f.name: schema_of_type(hints_of(kind)[f.name]) for f in declared}
    optional = {f.name for f in declared if not (f.default is f.default_factory is MISSING)}
    return object_schema(properties, optional)


def object_schema(properties: JSON, optional: set[str] | None = None) -> JSON:
    """Schema of an object with these members and no others, all but ``optional`` required."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in (optional or ())],
        "additionalProperties": False,
    }


def nullable(schema: JSON) -> JSON:
    """Schema of null or what ``schema`` describes."""
    return {"anyOf": [schema, {"type": "null"}]}
