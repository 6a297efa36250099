"""Counts of the driver process as JSON; histograms travel as [index, count] of used buckets."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from socklat_gate.measured.histogram import BUCKETS, Histogram
from socklat_gate.measured.run import LoadCounts

__all__ = ["counts_from_json", "counts_to_json"]


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
