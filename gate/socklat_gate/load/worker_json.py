"""What a load worker counted, as JSON for the gate.

Histograms travel as [index, count] of used buckets.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from socklat_gate.load.merged_counts import Part, Tail
from socklat_gate.measured.histogram import BUCKETS, Histogram
from socklat_gate.measured.load_counts import Answers, LoadCounts, RequestCounts, StreamCounts

__all__ = ["counts_from_json", "counts_to_json", "part_from_json", "part_to_json"]


def part_to_json(part: Part) -> dict[str, Any]:
    """JSON object of ``part``."""
    return {
        "counts": counts_to_json(part.counts),
        "late": [part.late.many, part.late.largest],
        "lag": [part.lag.many, part.lag.largest],
        "first_is_warmup": part.first_is_warmup,
    }


def part_from_json(document: dict[str, Any]) -> Part:
    """Inverse of `part_to_json`; raises as `counts_from_json` does."""
    late, lag = (
        Tail(many, tuple(largest)) for many, largest in (document["late"], document["lag"])
    )
    return Part(counts_from_json(document["counts"]), late, lag, document["first_is_warmup"])


OPTIONAL_TIMES = ("handshakes", "rejected")


def counts_to_json(counts: LoadCounts) -> dict[str, Any]:
    """JSON object of ``counts``."""
    document = _part_to_json(counts)
    document["requests"] = {name: _part_to_json(part) for name, part in counts.requests.items()}
    for name in OPTIONAL_TIMES:
        times = getattr(counts, name)
        document[name] = None if times is None else _buckets_to_json(times)
    if counts.streams is not None:
        document["streams"] = asdict(counts.streams)
    return document


def counts_from_json(document: dict[str, Any]) -> LoadCounts:
    """Inverse of `counts_to_json`; raises `TypeError` or `ValueError` for anything else."""
    requests = {
        name: RequestCounts(**_part_from_json(part)) for name, part in document["requests"].items()
    }
    times = {
        name: None if document[name] is None else _buckets_from_json(document[name])
        for name in OPTIONAL_TIMES
    }
    streams = document["streams"]
    return LoadCounts(
        **{
            **_part_from_json(document),
            "requests": requests,
            **times,
            "streams": None if streams is None else StreamCounts(**streams),
        }
    )


def _part_to_json(part: LoadCounts | RequestCounts) -> dict[str, Any]:
    document = _members(part)
    document["client"] = _buckets_to_json(part.client)
    if part.answers is not None:
        document["answers"] = _members(part.answers)
        document["answers"]["sizes"] = _buckets_to_json(part.answers.sizes)
    return document


def _part_from_json(document: dict[str, Any]) -> dict[str, Any]:
    answers = document["answers"]
    if answers is not None:
        answers = Answers(**{**answers, "sizes": _buckets_from_json(answers["sizes"])})
    return {**document, "client": _buckets_from_json(document["client"]), "answers": answers}


def _members(value: LoadCounts | RequestCounts | Answers) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _buckets_to_json(histogram: Histogram) -> list[list[int]]:
    counts = histogram.counts
    return [[int(at), int(counts[at])] for at in np.flatnonzero(counts)]


def _buckets_from_json(used: list[list[int]]) -> Histogram:
    buckets = np.zeros(BUCKETS, dtype=np.uint64)
    for at, count in used:
        buckets[at] = count
    return Histogram(buckets)
