"""What the gate and its load worker send each other, as JSON.

Histograms travel as [index, count] of used buckets.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import fields
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from socklat_gate.measured.histogram import BUCKETS, Histogram
from socklat_gate.measured.load_counts import Answers, LoadCounts, RequestCounts

if TYPE_CHECKING:
    from socklat_gate.scenario import Load

__all__ = ["counts_from_json", "counts_to_json", "load_from_json", "load_to_json"]


def counts_to_json(counts: LoadCounts) -> dict[str, Any]:
    """JSON object of ``counts``."""
    document = _part_to_json(counts)
    document["requests"] = {name: _part_to_json(part) for name, part in counts.requests.items()}
    if counts.handshakes is not None:
        document["handshakes"] = _buckets_to_json(counts.handshakes)
    return document


def counts_from_json(document: dict[str, Any]) -> LoadCounts:
    """Inverse of `counts_to_json`; raises `TypeError` or `ValueError` for anything else."""
    requests = {
        name: RequestCounts(**_part_from_json(part)) for name, part in document["requests"].items()
    }
    handshakes = document["handshakes"]
    return LoadCounts(
        **{
            **_part_from_json(document),
            "requests": requests,
            "handshakes": None if handshakes is None else _buckets_from_json(handshakes),
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


def load_to_json(load: Load) -> dict[str, Any]:
    """JSON object of ``load``: all of its members, so that none needs a default.

    Secrets stand there in the clear: it is for the worker's stdin alone.  Raises `UsageError`
    (BAD_SECRET).
    """
    # It needs pydantic, and so is not for the worker.
    from socklat_gate.scenario.secret import REVEALED, reveal, secrets_in  # noqa: PLC0415

    for _, secret in secrets_in(load):
        reveal(secret)  # an error within the dump would come as one of pydantic's
    requests = [request.model_dump(mode="json", context=REVEALED) for request in load.requests]
    members = load.model_dump(mode="json", exclude={"request"}, context=REVEALED)
    descriptors = b64encode(load.descriptors).decode()
    return {**members, "requests": requests, "descriptors": descriptors}


def load_from_json(document: dict[str, Any]) -> Load:
    """What `load_to_json` was given, as far as the driver knows: an object with these members.

    It was validated when the scenario was read.  The model itself needs pydantic, which takes as
    long to import as all else that the worker needs.
    """
    requests = tuple(SimpleNamespace(**_with_expect(one)) for one in document["requests"])
    tls = document["tls"]
    inner = {
        "requests": requests,
        "descriptors": b64decode(document["descriptors"]),
        "tls": None if tls is None else SimpleNamespace(**tls),
    }
    return cast("Load", SimpleNamespace(**{**_with_expect(document), **inner}))


def _with_expect(document: dict[str, Any]) -> dict[str, Any]:
    expect = document["expect"]
    return {**document, "expect": None if expect is None else SimpleNamespace(**expect)}
