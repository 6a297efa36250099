"""What the gate and its load worker send each other, as JSON.

Histograms travel as [index, count] of used buckets.
"""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from socklat_gate.measured.histogram import BUCKETS, Histogram
from socklat_gate.measured.load_counts import Answers, LoadCounts

if TYPE_CHECKING:
    from socklat_gate.scenario import Load

__all__ = ["counts_from_json", "counts_to_json", "load_from_json", "load_to_json"]


def counts_to_json(counts: LoadCounts) -> dict[str, Any]:
    """JSON object of ``counts``."""
    document = _members(counts)
    document["client"] = _buckets_to_json(counts.client)
    if counts.answers is not None:
        document["answers"] = _members(counts.answers)
        document["answers"]["sizes"] = _buckets_to_json(counts.answers.sizes)
    return document


def counts_from_json(document: dict[str, Any]) -> LoadCounts:
    """Inverse of `counts_to_json`; raises `TypeError` or `ValueError` for anything else."""
    answers = document["answers"]
    if answers is not None:
        answers = Answers(**{**answers, "sizes": _buckets_from_json(answers["sizes"])})
    client = _buckets_from_json(document["client"])
    return LoadCounts(**{**document, "client": client, "answers": answers})


def _members(value: LoadCounts | Answers) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _buckets_to_json(histogram: Histogram) -> list[list[int]]:
    used = np.flatnonzero(histogram.counts)
    return [[int(at), int(histogram.counts[at])] for at in used]


def _buckets_from_json(used: list[list[int]]) -> Histogram:
    buckets = np.zeros(BUCKETS, dtype=np.uint64)
    for at, count in used:
        buckets[at] = count
    return Histogram(buckets)


def load_to_json(load: Load) -> dict[str, Any]:
    """JSON object of ``load``: all of its members, so that none needs a default."""
    return load.model_dump(mode="json")


def load_from_json(document: dict[str, Any]) -> Load:
    """What `load_to_json` was given, as far as the driver knows: an object with these members.

    It was validated when the scenario was read.  The model itself needs pydantic, which takes as
    long to import as all else that the worker needs.
    """
    expect = document["expect"]
    inner = {"expect": None if expect is None else SimpleNamespace(**expect)}
    return cast("Load", SimpleNamespace(**document | inner))
