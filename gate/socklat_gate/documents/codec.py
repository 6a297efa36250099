"""Measured objects to and from JSON-able dicts, driven by the fields of their dataclasses.

A dataclass becomes an object with the same member names, so the schema cannot drift from the
code; `Histogram` becomes HDR text and `Bands` sparse rows ``[index, count, sums...]``.

Strict JSON has no NaN and no infinity.  NaN is written as null.  A null number is read as the value
in `NULL_NUMBER` (the unbounded ends of an interval, an effect that nothing could have found) and
as NaN elsewhere; infinity is written as null where null means it, else as the largest float.

Unknown members are refused; a missing member takes its field's default if there is one, so files
written before an optional field was added stay readable.

Pydantic's ``TypeAdapter`` was measured in place of this module and `documents.fields`, and kept
out: importing it and building the schema of `Result` took 0.20 s of CPU, these readers 0.005 s
(reading a result then took 0.06 s and 0.10 s); it collects every error of a hostile file before it
reports one; and each bound and each meaning of null would be an annotation on the types of
`measured`, which are to know nothing of storage.
"""

from __future__ import annotations

import math
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import lru_cache, partial
from typing import Any, Literal, TypeVar

import numpy as np

from socklat_gate.documents import hdr
from socklat_gate.documents.fields import Field
from socklat_gate.documents.invariants import invariant_violation
from socklat_gate.documents.limits import CAMPAIGN, RESULT, decoded_bytes
from socklat_gate.measured.calibration import Calibration
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import Scalar
from socklat_gate.measured.histogram import BAND_COUNT, Histogram
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.result import Result
from socklat_gate.measured.run import Bands

__all__ = ["JSON", "from_body", "hints_of", "to_body"]

JSON = dict[str, Any]
Reader = Callable[[Field], Any]
Stored = TypeVar("Stored", bound=Campaign | Result | Pair | Calibration)

NULL_NUMBER = {
    "ci_low": -math.inf,
    "ci_high": math.inf,
    "low_ns": -math.inf,
    "high_ns": math.inf,
    "mde": math.inf,
    "mde_ratio": math.inf,
}
MAY_BE_NEGATIVE = {
    "change",
    "raw_change",
    "expected_low",
    "expected_high",
    "ci_low",
    "ci_high",
    "low_ns",
    "high_ns",
    "delta_ns",
    "share",
}
MAX_STAGES = 32


def to_body(value: Campaign | Result | Pair | Calibration) -> JSON:
    """JSON-able dict without NaN or infinity; `from_body` reads it back.

    That of a result begins with its kind, and `result_types.result_from_body` reads it back.
    """
    body: JSON = _encoded(value, "")
    return {"kind": value.kind, **body} if isinstance(value, Result) else body


def from_body(kind: type[Stored], body: object) -> Stored:
    """The object that a body describes.

    Raises `NoUsableBaseline` (baseline_corrupt) naming the field for anything of another type,
    shape or size than `to_body` writes, or with more histograms than `documents.limits` allows.
    """
    most_bytes = (CAMPAIGN if kind is Campaign else RESULT).decoded
    field = Field(body)
    if decoded_bytes(body) > most_bytes:
        field.refuse(f"histograms that take at most {most_bytes >> 20} MiB of memory")
    hint: Any = kind
    decoded: Stored = _reader(hint, "")(field)
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


@lru_cache(maxsize=512)
def _reader(hint: Any, name: str) -> Reader:
    """What reads a value of type ``hint``; ``name`` is the dataclass field that it belongs to."""
    origin = typing.get_origin(hint)
    if origin is None:
        return _class_reader(hint, name)
    arms = typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if hint == Scalar:
            return _read_number_or_text
        (inner,) = (_reader(arm, name) for arm in arms if arm is not type(None))
        return lambda field: None if field.value is None else inner(field)
    if origin is Literal:
        return lambda field: field.text() if field.value in arms else field.refuse(f"one of {arms}")
    if origin is tuple:
        return _tuple_reader(arms, name)
    assert issubclass(origin, Mapping), f"no rule to decode {hint}"
    member = _reader(arms[1], name)
    return lambda field: {key: member(item) for key, item in field.members().items()}


def _read_number_or_text(field: Field) -> Scalar:
    if field.value is None:
        return None
    if type(field.value) is str:
        return field.text()
    number = field.number()
    return field.value if type(field.value) is int else number


def _class_reader(kind: type, name: str) -> Reader:
    if kind in SPECIAL:
        return SPECIAL[kind]
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    if issubclass(kind, Enum):
        return partial(_read_enum, kind)
    if kind is float:
        lowest = -math.inf if name in MAY_BE_NEGATIVE else 0.0
        null = NULL_NUMBER.get(name, math.nan)
        return lambda field: null if field.value is None else field.number(lowest)
    return SCALARS[kind]


def _dataclass_reader(kind: type) -> Reader:
    declared = fields(kind)
    readers = {f.name: _reader(hints_of(kind)[f.name], f.name) for f in declared}
    required = [f.name for f in declared if f.default is f.default_factory is MISSING]

    def read(field: Field) -> object:
        members = field.members()
        for unknown in members.keys() - readers.keys():
            members[unknown].refuse("nothing, since there is no such member")
        for name in required:
            if name not in members:
                field.refuse(f"an object with member {name!r}")
        decoded: object = kind(**{name: readers[name](item) for name, item in members.items()})
        violation = invariant_violation(decoded)
        return field.refuse(violation) if violation else decoded

    return read


def _tuple_reader(arms: tuple[Any, ...], name: str) -> Reader:
    if len(arms) == 2 and arms[1] is Ellipsis:
        element = _reader(arms[0], name)
        return lambda field: tuple(element(item) for item in field.items())
    readers = [_reader(arm, name) for arm in arms]

    def read(field: Field) -> object:
        items = field.items()
        if len(items) != len(readers):
            field.refuse(f"a list of {len(readers)} elements")
        return tuple(reader(item) for reader, item in zip(readers, items, strict=True))

    return read


def _read_enum(kind: type[Enum], field: Field) -> Enum:
    text = field.text()
    try:
        return kind(text)
    except ValueError:
        field.refuse(f"one of {', '.join(str(member.value) for member in kind)}")


def _read_histogram(field: Field) -> Histogram:
    try:
        return hdr.decode(field.text(hdr.MAX_TEXT))
    except ValueError as error:
        field.refuse(f"a histogram ({error})")


def _read_bands(field: Field) -> Bands:
    members = field.members()
    if members.keys() != {"stages", "rows"}:
        field.refuse("an object with members 'stages' and 'rows'")
    stages = tuple(item.text(100) for item in members["stages"].items(MAX_STAGES))
    count = np.zeros(BAND_COUNT, dtype=np.uint64)
    sums_ns = np.zeros((BAND_COUNT, len(stages)), dtype=np.uint64)
    last = -1
    for row in members["rows"].items(BAND_COUNT):
        cells = row.items(2 + len(stages))
        if len(cells) != 2 + len(stages):
            row.refuse(f"[band, count, sums of {len(stages)} stages]")
        index = cells[0].integer(BAND_COUNT - 1)
        if index <= last:
            cells[0].refuse("bands in rising order")
        last = index
        count[index] = cells[1].integer()
        sums_ns[index] = [cell.integer() for cell in cells[2:]]
    return Bands(stages, count, sums_ns)


SCALARS: dict[type, Reader] = {int: Field.integer, bool: Field.boolean, str: Field.text}
SPECIAL: dict[type, Reader] = {Histogram: _read_histogram, Bands: _read_bands}
