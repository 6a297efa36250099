"""Measured objects to and from JSON-able dicts, driven by the fields of their dataclasses.

A dataclass becomes an object with the same member names, so the schema cannot drift from the
code; `Histogram` becomes HDR text and `Bands` sparse rows ``[index, count, sums...]``.  What null
means for a number: `documents.null_numbers`.

Unknown members are refused; a missing member takes its field's default if there is one, so files
written before an optional field was added stay readable.

Pydantic's ``TypeAdapter`` was measured in place of `documents.encoding`, `documents.decoding` and
`documents.fields`, and kept out: importing it and building the schema of `Result` took 0.20 s of
CPU, these readers 0.005 s (reading a result then took 0.06 s and 0.10 s); it collects every error
of a hostile file before it reports one; and each bound and each meaning of null would be an
annotation on the types of `measured`, which are to know nothing of storage.
"""

from __future__ import annotations

from typing import Any, TypeVar

from socklat_gate.documents.decoding import reader_of
from socklat_gate.documents.encoding import encode
from socklat_gate.documents.fields import Field
from socklat_gate.documents.limits import CAMPAIGN, RESULT, decoded_bytes
from socklat_gate.measured.calibration import Calibration
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.free_text import masked
from socklat_gate.measured.link import Link
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.result import Result

__all__ = ["JSON", "from_body", "to_body"]

JSON = dict[str, Any]
Stored = TypeVar("Stored", bound=Campaign | Result | Pair | Calibration | Link)


def to_body(value: Campaign | Result | Pair | Calibration | Link) -> JSON:
    """JSON-able dict without NaN, infinity and secrets; `from_body` reads it back.

    That of a result begins with its kind, and `result_types.result_from_body` reads it back.
    """
    body: JSON = encode(masked(value), "")
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
    decoded: Stored = reader_of(hint, "")(field)
    return decoded
