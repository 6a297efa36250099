"""Measured objects to JSON-able values; the other half is `documents.decoding`."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from socklat_gate.documents import hdr
from socklat_gate.documents.null_numbers import NULL_NUMBER
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Bands

__all__ = ["encode"]


def encode(value: Any, name: str) -> Any:
    """``value`` as JSON; ``name`` is the dataclass field that it belongs to."""
    if isinstance(value, Histogram):
        return hdr.encode(value)
    if isinstance(value, Bands):
        return _encode_bands(value)
    if is_dataclass(value):
        return {f.name: encode(getattr(value, f.name), f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item, name) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item, name) for item in value]
    return _encode_scalar(value, name)


def _encode_scalar(value: Any, name: str) -> str | int | float | None:
    if isinstance(value, Enum):
        value = value.value
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return _encode_number(value, name)
    assert value is None or isinstance(value, (str, int)), f"no rule to encode {type(value)}"
    return value


def _encode_number(number: float, name: str) -> float | None:
    if math.isnan(number) or number == NULL_NUMBER.get(name):
        return None
    return number if math.isfinite(number) else math.copysign(sys.float_info.max, number)


def _encode_bands(bands: Bands) -> dict[str, Any]:
    used = np.flatnonzero(bands.count | bands.sums_ns.any(axis=1))
    rows = [[int(i), int(bands.count[i]), *map(int, bands.sums_ns[i])] for i in used]
    return {"stages": list(bands.stages), "rows": rows}
