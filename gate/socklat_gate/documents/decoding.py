"""JSON values to measured objects: a checked reader for each type, made from its fields.

Nothing about a stored value is taken for granted; every reader raises `NoUsableBaseline`
(baseline_corrupt) naming the field.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np

from socklat_gate.documents import hdr
from socklat_gate.documents.fields import Field
from socklat_gate.documents.invariants import invariant_violation
from socklat_gate.documents.null_numbers import MAY_BE_NEGATIVE, NULL_NUMBER
from socklat_gate.measured.facts import Scalar
from socklat_gate.measured.histogram import BAND_COUNT, Histogram
from socklat_gate.measured.run import Bands

__all__ = ["hints_of", "reader_of"]

Reader = Callable[[Field], Any]

MAX_STAGES = 32


@lru_cache(maxsize=64)
def hints_of(kind: type) -> Mapping[str, Any]:
    """Resolved type of each field of a dataclass."""
    return typing.get_type_hints(kind)


@lru_cache(maxsize=512)
def reader_of(hint: Any, name: str) -> Reader:
    """What reads a value of type ``hint``; ``name`` is the dataclass field that it belongs to."""
    origin = typing.get_origin(hint)
    if origin is None:
        return _class_reader(hint, name)
    arms = typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if hint == Scalar:
            return _read_number_or_text
        (inner,) = (reader_of(arm, name) for arm in arms if arm is not type(None))
        return lambda field: None if field.value is None else inner(field)
    if origin is Literal:
        return lambda field: field.text() if field.value in arms else field.refuse(f"one of {arms}")
    if origin is tuple:
        return _tuple_reader(arms, name)
    assert issubclass(origin, Mapping), f"no rule to decode {hint}"
    member = reader_of(arms[1], name)
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
    readers = {f.name: reader_of(hints_of(kind)[f.name], f.name) for f in declared}
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
        element = reader_of(arms[0], name)
        return lambda field: tuple(element(item) for item in field.items())
    readers = [reader_of(arm, name) for arm in arms]

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
