"""``capacity.json``: a study of capacity, in the envelope of all documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from socklat_gate.documents.encoding import encode
from socklat_gate.documents.envelope import write_document
from socklat_gate.measured.capacity import CapacityResult

__all__ = ["CAPACITY_SCHEMA", "write_capacity"]

CAPACITY_SCHEMA = "socklat-gate/capacity"


def write_capacity(path: Path, result: CapacityResult) -> None:
    """Write the study; replaces an older one.  Raises `UsageError` (output_not_writable)."""
    body: dict[str, Any] = encode(result, "")
    write_document(path, CAPACITY_SCHEMA, body, overwrite=True)
