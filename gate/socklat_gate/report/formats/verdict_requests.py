"""The members of ``verdict.json`` on named requests, TLS handshakes and the join of two logs."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from socklat_gate.documents.json_schema import (
    COUNT,
    NUMBER,
    nullable,
    object_schema,
    schema_of_type,
)
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.run import Join
from socklat_gate.report.arm_runs import Arms
from socklat_gate.report.handshake_rows import handshakes_by_arm
from socklat_gate.report.request_numbers import (
    RequestNumbers,
    join_of,
    request_numbers,
    weight_of,
)

__all__ = ["request_members", "request_schemas"]

JSON = dict[str, Any]

WHOLE = "response"
QUANTILES = {"p50_ns": 0.5, "p90_ns": 0.9, "p99_ns": 0.99, "p999_ns": 0.999}
DRIVER = ("planned", "sent", "responded", "errors")
"""Counts that only the load driver has; null where it is a command."""


def request_members(arms: Arms) -> JSON:
    """``requests`` by name and arm, ``handshakes`` and ``join`` by arm; empty without any."""
    requests: JSON = {}
    for one in request_numbers(arms):
        found = requests.setdefault(
            one.request, {"weight": _known(weight_of(arms, one.request)), "arms": {}}
        )
        found["arms"][one.arm] = _request(one)
    joins = {arm: join_of(runs) for arm, runs in arms}
    return {
        "requests": requests,
        "handshakes": {arm: _handshakes(h) for arm, h in handshakes_by_arm(arms).items()},
        "join": {arm: _join(join) for arm, join in joins.items() if join is not None},
    }


def request_schemas() -> JSON:
    """The schemas of the same."""
    counts = {"type": "object", "additionalProperties": COUNT}
    arm = {
        **dict.fromkeys(DRIVER, nullable(COUNT)),
        "failures": counts,
        "statuses": counts,
        "exchanges": COUNT,
        "spikes": COUNT,
        WHOLE: object_schema(
            {**dict.fromkeys(QUANTILES, NUMBER), "corrected": {"type": "boolean"}}
        ),
        CLIENT: object_schema(
            {**dict.fromkeys(QUANTILES, NUMBER), "corrected": {"type": "boolean"}}
        ),
        "client_p99_ns": NUMBER,
        "size_p50_bytes": NUMBER,
        "size_p99_bytes": NUMBER,
    }
    request = object_schema({"weight": NUMBER, "arms": _by(object_schema(arm))})
    handshakes = object_schema({"count": COUNT, "p50_ns": NUMBER, "p99_ns": NUMBER})
    return {
        "requests": _by(request),
        "handshakes": _by(handshakes),
        "join": _by(schema_of_type(Join)),
    }


def _by(schema: JSON) -> JSON:
    return {"type": "object", "additionalProperties": schema}


def _request(one: RequestNumbers) -> JSON:
    counts = one.counts
    sizes = counts.answers.sizes if counts else Histogram.empty()
    client = counts.client if counts else Histogram.empty()
    return {
        **{name: getattr(counts, name) if counts else None for name in DRIVER},
        "failures": dict(counts.answers.errors) if counts else {},
        "statuses": dict(counts.answers.statuses) if counts else {},
        "exchanges": one.exchanges,
        "spikes": one.spikes,
        WHOLE: _times(one.stages.get(WHOLE, Histogram.empty()), WHOLE in one.corrected),
        CLIENT: _times(one.stages.get(CLIENT, client), CLIENT in one.corrected),
        "client_p99_ns": _known(client.quantile_ns(0.99)),
        "size_p50_bytes": _known(sizes.quantile_ns(0.5)),
        "size_p99_bytes": _known(sizes.quantile_ns(0.99)),
    }


def _times(times: Histogram, corrected: bool) -> JSON:
    values = times.quantiles_ns(list(QUANTILES.values()))
    found = {name: _known(float(v)) for name, v in zip(QUANTILES, values, strict=True)}
    return {**found, "corrected": corrected}


def _handshakes(times: Histogram) -> JSON:
    p50, p99 = map(float, times.quantiles_ns([0.5, 0.99]))
    return {"count": times.total, "p50_ns": _known(p50), "p99_ns": _known(p99)}


def _join(join: Join) -> JSON:
    numbers = asdict(join)
    return {**numbers, "mismatches": list(numbers["mismatches"])}


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
