"""A `Snapshot` for machines: one JSON object."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Spike
from socklat_gate.trace.snapshot import Snapshot
from socklat_gate.trace.target import Target

__all__ = ["as_json"]


def as_json(target: Target, snapshot: Snapshot, *, final: bool = False) -> dict[str, Any]:
    """One line of ``--json``: quantiles in ns, null where nothing happened; times are UTC.

    ``final`` marks the last line, the summary.
    """
    return {
        "schema_version": 1,
        "time": _utc(snapshot.taken_at_ns + snapshot.realtime_offset_ns),
        "final": final,
        "target": {
            "label": target.label,
            "id": target.id,
            "image": target.image,
            "pid": target.pid or None,
            "ports": list(target.ports),
            "other_ports": list(target.others),
        },
        "elapsed_s": round(snapshot.elapsed_s, 3),
        "interval_s": round(snapshot.interval_s, 3),
        "recent": {stage: _quantiles(h) for stage, h in snapshot.recent.items()},
        "total": {stage: _quantiles(h) for stage, h in snapshot.total.items()},
        "ports": _by_port(target, snapshot),
        "not_measured": list(snapshot.not_measured),
        "counters": dict(snapshot.counters),
        "recent_counters": dict(snapshot.recent_counters),
        "network": dict(snapshot.network),
        "drops": dict(snapshot.drops),
        "missed": snapshot.missed,
        "slowest": [_exchange(spike, snapshot) for spike in snapshot.slowest],
    }


def _by_port(target: Target, snapshot: Snapshot) -> dict[str, Any]:
    """Response times of each port, the service's own first."""
    own = {port: (snapshot.recent, snapshot.total) for port in target.ports if target.others}
    times = {port: (recent["response"], total["response"]) for port, (recent, total) in own.items()}
    times |= {
        port: (snapshot.recent_ports[port], total) for port, total in snapshot.total_ports.items()
    }
    return {
        str(port): {
            "inside_only": port in target.inside,
            "recent": _quantiles(recent),
            "total": _quantiles(total),
        }
        for port, (recent, total) in times.items()
    }


def _exchange(spike: Spike, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "time": _utc(spike.rx_first_ns + snapshot.realtime_offset_ns),
        "stages_ns": {k: v for k, v in spike.stages_ns.items() if k in snapshot.total},
        "peer": spike.peer,
        "after_s": round((spike.rx_first_ns - snapshot.started_ns) / 1e9, 6),
        "rx_first_ns": spike.rx_first_ns,
        "overlapped": spike.overlapped,
    }


def _quantiles(histogram: Histogram) -> dict[str, float | int | None]:
    p50, p90, p99, p999 = histogram.quantiles_ns([0.5, 0.9, 0.99, 0.999])
    named = {"p50_ns": p50, "p90_ns": p90, "p99_ns": p99, "p999_ns": p999}
    known = {k: None if math.isnan(v) else round(float(v)) for k, v in named.items()}
    return {"count": histogram.total, **known, "max_ns": histogram.max_ns() or None}


def _utc(realtime_ns: int) -> str:
    """RFC 3339 with milliseconds."""
    seconds, rest_ns = divmod(realtime_ns, 1_000_000_000)
    to_second = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{to_second:%Y-%m-%dT%H:%M:%S}.{rest_ns // 1_000_000:03d}Z"
