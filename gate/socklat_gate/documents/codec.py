"""Measured objects to and from JSON-able dicts, driven by the fields of their dataclasses.

A dataclass becomes an object with the same member names, so the schema cannot drift from the
code; `Histogram` becomes HDR text and `Bands` sparse rows ``[index, count, sums...]``.

Strict JSON has no NaN and no infinity.  NaN is written as null.  A null number is read as the value
in `NULL_NUMBER` (the unbounded ends of an interval, an effect that nothing could have found) and
as NaN elsewhere; infinity is written as null where null means it, else as the largest float.

Unknown members are refused; a missing member takes its field's default if there is one, so files
written before an optional field was added stay readable.
"""

from __future__ import annotations

import math
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, TypeVar

import numpy as np

from socklat_gate.documents import hdr
from socklat_gate.documents.fields import Field
from socklat_gate.documents.invariants import expectation_missed
from socklat_gate.documents.limits import CAMPAIGN, RESULT, decoded_bytes
from socklat_gate.measured.calibration import Calibration
from socklat_gate.measured.campaign import Bands, Campaign, Pair
from socklat_gate.measured.histogram import BAND_COUNT, Histogram
from socklat_gate.measured.result import Result

__all__ = ["JSON", "from_body", "hints_of", "to_body"]

JSON = dict[str, Any]
Stored = TypeVar("Stored", Campaign, Result, Pair, Calibration)

NULL_NUMBER = {
    "ci_low": -math.inf,
    "ci_high": math.inf,
    "low_ns": -math.inf,
    "high_ns": math.inf,
    "mde": math.inf,
    "smallest_ratio": math.inf,
}
MAY_BE_NEGATIVE = {"change", "ci_low", "ci_high", "low_ns", "high_ns", "delta_ns", "share"}
MAX_STAGES = 32


def to_body(value: Campaign | Result | Pair | Calibration) -> JSON:
    """JSON-able dict without NaN or infinity; `from_body` reads it back."""
    body: JSON = _encoded(value, "")
    return body


def from_body(kind: type[Stored], body: object) -> Stored:
    """The object that a body describes.

    Raises `NoUsableBaseline` (baseline_corrupt) naming the field for anything of another type,
    shape or size than `to_body` writes, or with more histograms than `documents.limits` allows.
    """
    most_bytes = (CAMPAIGN if kind is Campaign else RESULT).decoded
    field = Field(body, "")
    if decoded_bytes(body) > most_bytes:
        field.wrong(f"histograms that take at most {most_bytes >> 20} MiB of memory")
    decoded: Stored = _decoded(kind, field, "")
    return decoded


@lru_cache(maxsize=64)
def hints_of(kind: type) -> Mapping[str, Any]:
    """Resolved type of each field of a dataclass."""
    return typing.get_type_hints(kind)


def _encoded(value: Any, name: str) -> Any:
    if isinstance(value, Histogram):
        return hdr.encode(value)
    if isinstance(value, Bands):
        return _encoded_bands(value)
    if is_dataclass(value):
        return {f.name: _encoded(getattr(value, f.name), f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _encoded(item, name) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_encoded(item, name) for item in value]
    return _encoded_scalar(value, name)


def _encoded_scalar(value: Any, name: str) -> str | int | float | None:
    if isinstance(value, Enum):
        value = value.value
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return _encoded_number(value, name)
    assert value is None or isinstance(value, (str, int)), f"no rule to encode {type(value)}"
    return value


def _encoded_number(number: float, name: str) -> float | None:
    if math.isnan(number) or number == NULL_NUMBER.get(name):
        return None
    return number if math.isfinite(number) else math.copysign(sys.float_info.max, number)


def _encoded_bands(bands: Bands) -> JSON:
    used = np.flatnonzero(bands.count | bands.sums_ns.any(axis=1))
    rows = [[int(i), int(bands.count[i]), *map(int, bands.sums_ns[i])] for i in used]
    return {"stages": list(bands.stages), "rows": rows}


def _decoded(hint: Any, field: Field, name: str) -> Any:
    """One value of type ``hint``; ``name`` is the dataclass field it belongs to."""
    origin = typing.get_origin(hint)
    if origin is None:
        return _decoded_class(hint, field, name)
    arms = typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (arm for arm in arms if arm is not type(None))
        return None if field.value is None else _decoded(inner, field, name)
    if origin is Literal:
        return field.text() if field.value in arms else field.wrong(f"one of {arms}")
    if origin is tuple:
        return _decoded_tuple(arms, field, name)
    assert issubclass(origin, Mapping), f"no rule to decode {hint}"
    return {key: _decoded(arms[1], item, name) for key, item in field.members().items()}


def _decoded_class(kind: type, field: Field, name: str) -> object:
    if kind is Histogram:
        return _decoded_histogram(field)
    if kind is Bands:
        return _decoded_bands(field)
    if is_dataclass(kind):
        return _decoded_dataclass(kind, field)
    if issubclass(kind, Enum):
        return _decoded_enum(kind, field)
    return _decoded_scalar(kind, field, name)


def _decoded_scalar(hint: type, field: Field, name: str) -> object:
    if hint is float:
        if field.value is None:
            return NULL_NUMBER.get(name, math.nan)
        return field.number(-math.inf if name in MAY_BE_NEGATIVE else 0.0)
    if hint is int:
        return field.integer()
    if hint is bool:
        return field.boolean()
    assert hint is str, f"no rule to decode {hint}"
    return field.text()


def _decoded_dataclass(kind: type, field: Field) -> object:
    members = field.members()
    known = {f.name: f for f in fields(kind)}
    for unknown in members.keys() - known.keys():
        members[unknown].wrong("nothing, since there is no such member")
    values: dict[str, object] = {}
    for name, declared in known.items():
        if name in members:
            values[name] = _decoded(hints_of(kind)[name], members[name], name)
        elif declared.default is MISSING and declared.default_factory is MISSING:
            field.wrong(f"an object with member {name!r}")
    decoded: object = kind(**values)
    expected = expectation_missed(decoded)
    return field.wrong(expected) if expected else decoded


def _decoded_tuple(arms: tuple[Any, ...], field: Field, name: str) -> tuple[object, ...]:
    items = field.items()
    if len(arms) == 2 and arms[1] is Ellipsis:
        return tuple(_decoded(arms[0], item, name) for item in items)
    if len(items) != len(arms):
        field.wrong(f"a list of {len(arms)} elements")
    return tuple(_decoded(arm, item, name) for arm, item in zip(arms, items, strict=True))


def _decoded_enum(kind: type[Enum], field: Field) -> Enum:
    text = field.text()
    try:
        return kind(text)
    except ValueError:
        field.wrong(f"one of {', '.join(str(member.value) for member in kind)}")


def _decoded_histogram(field: Field) -> Histogram:
    try:
        return hdr.decode(field.text(hdr.MAX_TEXT))
    except ValueError as error:
        field.wrong(f"a histogram ({error})")


def _decoded_bands(field: Field) -> Bands:
    members = field.members()
    if members.keys() != {"stages", "rows"}:
        field.wrong("an object with members 'stages' and 'rows'")
    stages = tuple(item.text(100) for item in members["stages"].items(MAX_STAGES))
    count = np.zeros(BAND_COUNT, dtype=np.uint64)
    sums_ns = np.zeros((BAND_COUNT, len(stages)), dtype=np.uint64)
    last = -1
    for row in members["rows"].items(BAND_COUNT):
        cells = row.items(2 + len(stages))
        if len(cells) != 2 + len(stages):
            row.wrong(f"[band, count, sums of {len(stages)} stages]")
        index = cells[0].integer(BAND_COUNT - 1)
        if index <= last:
            cells[0].wrong("bands in rising order")
        last = index
        count[index] = cells[1].integer()
        sums_ns[index] = [cell.integer() for cell in cells[2:]]
    return Bands(stages, count, sums_ns)
