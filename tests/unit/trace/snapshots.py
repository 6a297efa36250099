"""Hand-made snapshots of a target."""

from __future__ import annotations

from typing import Any

from socklat_gate.measured.bpf_layout import names
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Spike
from socklat_gate.trace.snapshot import Snapshot
from socklat_gate.trace.target import Target

__all__ = ["OFFSET_NS", "STARTED_NS", "counters", "snapshot", "spike", "target"]

STARTED_NS = 5_000_000_000
OFFSET_NS = 1_800_000_000_000_000_000
"""Of the time of day: it began at 2027-01-15T08:00:05Z."""
BANDED = (
    "response",
    "service",
    "recv_wait",
    "app",
    "respond",
    "send_wait",
    "deliver",
    "rx_stack",
    "bridge",
)


def target(**changes: Any) -> Target:
    return Target(
        **{"label": "shop (shop:1)", "netns_inode": 1, "ports": (80,), "shared": False} | changes
    )


def counters(**changes: int) -> dict[str, int]:
    return {**dict.fromkeys(names("COUNTER_"), 0), "pending": 0, **changes}


def spike(length_ns: int, peer: str = "10.0.0.9:40000", at_s: float = 1.0, **stages: int) -> Spike:
    stages_ns = {**dict.fromkeys(BANDED, 0), "response": length_ns, **stages}
    return Spike(STARTED_NS + int(at_s * 1e9), stages_ns, peer, 0)


def snapshot(**changes: Any) -> Snapshot:
    """Two seconds of a service at 100 exchanges of 1 ms a second; ``changes`` replace members."""
    service, empty = Histogram.of([1_000_000] * 200), Histogram.empty()
    total = {"response": service, "recv_wait": service, "app": service, "depend": empty}
    recent = {**total, "response": Histogram.of([1_000_000] * 100)}
    members = {
        "started_ns": STARTED_NS,
        "taken_at_ns": STARTED_NS + 2_000_000_000,
        "realtime_offset_ns": OFFSET_NS,
        "interval_s": 1.0,
        "recent": recent,
        "total": total,
        "recent_counters": counters(seen=100),
        "counters": counters(seen=200, connections=3),
        "network": {},
        "drops": {},
        "slowest": (),
        "missed": 0,
    }
    return Snapshot(**{**members, **changes})
