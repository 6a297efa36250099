"""What the gate and its load worker send each other, as JSON.

Histograms travel as [index, count] of used buckets.
"""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from socklat_gate.measured.histogram import BUCKETS, Histogram
from socklat_gate.measured.run import LoadCounts

if TYPE_CHECKING:
    from socklat_gate.scenario import Load

__all__ = ["counts_from_json", "counts_to_json", "load_from_json", "load_to_json"]


def counts_to_json(counts: LoadCounts) -> dict[str, Any]:
    """JSON object of ``counts``."""
    document = {field.name: getattr(counts, field.name) for field in fields(counts)}
    used = np.flatnonzero(counts.client.counts)
    document["client"] = [[int(at), int(counts.client.counts[at])] for at in used]
    return document


def counts_from_json(document: dict[str, Any]) -> LoadCounts:
    """Inverse of `counts_to_json`; raises `TypeError` or `ValueError` for anything else."""
    buckets = np.zeros(BUCKETS, dtype=np.uint64)
    for at, count in document["client"]:
        buckets[at] = count
    return LoadCounts(**{**document, "client": Histogram(buckets)})


def load_to_json(load: Load) -> dict[str, Any]:
    """JSON object of ``load``: all of its members, so that none needs a default."""
    return load.model_dump(mode="json")


def load_from_json(document: dict[str, Any]) -> Load:
    """What `load_to_json` was given, as far as the driver knows: an object with these members.

    It was validated when the scenario was read.  The model itself needs pydantic, which takes as
    long to import as all else that the worker needs.
    """
    return cast("Load", SimpleNamespace(**document))
