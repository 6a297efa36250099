"""Effects that tell rules apart: small changes, rare starts, rare errors, stops, a leak.

Each is one of `tests.benchmarks.scenes`' services with its defect and a gate that asks for it.
``wanted_s`` is the goal: nine in ten jobs fail within so many seconds, or half of equal arms pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tests.benchmarks.scenes import API_LOAD, DEPEND_LOAD, REDIS_LOAD, Scene

__all__ = ["HARD", "Hard"]

SHORT_LOAD = {**API_LOAD, "duration_s": 5.0}
BLOCKS_LOAD = {**API_LOAD, "duration_s": 2.5}
STOP_LOAD = {**API_LOAD, "rate": 200.0, "connections": 32, "duration_s": 5.0}


@dataclass(frozen=True)
class Hard:
    """``metric`` is what must fail ("" where the arms are equal), ``truth`` what was built in.

    A relative ``truth`` is of the metric's value, by construction about that; the page shows what
    all jobs together measured beside it.
    """

    scene: Scene
    metric: str = ""
    truth: str = "none"
    wanted_s: float = 0.0


def _zone(quantile: float, tolerance: float, threshold: float) -> dict[str, Any]:
    return {"quantile": quantile, "tolerance": tolerance, "regression_threshold": threshold}


UNWATCHED = {"watch": {"minutes": 0.0}}
P50_FINE = {**UNWATCHED, "metrics": [_zone(0.5, 0.004, 0.01)]}
P50_HALF = {**UNWATCHED, "metrics": [_zone(0.5, 0.01, 0.025)]}
P90_FINE = {**UNWATCHED, "metrics": [_zone(0.5, 0.02, 0.05), _zone(0.9, 0.015, 0.04)]}
P99_FINE = {**UNWATCHED, "metrics": [_zone(0.5, 0.02, 0.05), _zone(0.99, 0.02, 0.05)]}
P99_HALF = {**UNWATCHED, "metrics": [_zone(0.5, 0.02, 0.05), _zone(0.99, 0.03, 0.08)]}
SHORT = {**UNWATCHED, "metrics": [_zone(0.5, 0.02, 0.05), _zone(0.9, 0.03, 0.08)]}

BLOCKS = {**SHORT, "containers": 4}


def _api(
    name: str, what: str, gate: dict[str, Any], *candidate: str, load: dict[str, Any] | None = None
) -> Scene:
    return Scene(name, what, "api", load or SHORT_LOAD, (), candidate, "app", gate=gate)


def _tail(name: str, what: str, gate: dict[str, Any], share: str, *waits_us: str) -> Scene:
    """A share of the requests waits after a dependency's 2 ms, in the candidate a little longer."""
    usual = ("--depend-port", "9000", "--tail-factor", "1", "--tail-share", share, "--tail-wait")
    baseline, candidate = ((*usual, wait_us) for wait_us in waits_us)
    return Scene(
        name, what, "api", DEPEND_LOAD, baseline, candidate, "app", "slowest 10%", gate=gate
    )


def _stop(name: str, what: str, *candidate: str, minutes: float = 2.0, age_s: float = 0.0) -> Scene:
    gate = {**SHORT, "watch": {"minutes": minutes, "age_s": age_s}}
    scene = _api(name, what, gate, *candidate, load=STOP_LOAD)
    return replace(scene, stage="recv_wait", slice="slowest 1%")


HARD: tuple[Hard, ...] = (
    Hard(
        Scene(
            "redis-same",
            "Redis SET, two builds of one source",
            "redis",
            REDIS_LOAD,
            rebuilt=True,
            gate=UNWATCHED,
        )
    ),
    Hard(_api("same-p50", "equal arms, zone of p50 0.4% to 1%", P50_FINE)),
    Hard(_tail("same-p99", "equal arms, zone of p99 2% to 5%", P99_FINE, "0.02", "5000", "5000")),
    Hard(
        _api("same-blocks", "equal arms, blocks of 4 + 4", BLOCKS, load=BLOCKS_LOAD),
        wanted_s=25,
    ),
    Hard(
        _api(
            "gross",
            "twice the work in every request, blocks of 4 + 4",
            BLOCKS,
            "--work",
            "220",
            load=BLOCKS_LOAD,
        ),
        "response_p50",
        "about +65%",
        25,
    ),
    Hard(
        _api("p50-5", "9% more work, 5% of the time, blocks of 4 + 4", BLOCKS, "--work", "109"),
        "response_p50",
        "+5%",
        60,
    ),
    Hard(
        _api("p50-2.5", "4.5% more work, 2.5% of the time", P50_HALF, "--work", "104.5"),
        "response_p50",
        "+2.5%",
        300,
    ),
    Hard(
        _api("p50-1", "1.8% more work, 1% of the time", P50_FINE, "--work", "102"),
        "response_p50",
        "+1%",
        300,
    ),
    Hard(
        _tail(
            "p90-4",
            "a fifth of the requests waits 5.3 ms instead of 5 ms",
            P90_FINE,
            "0.2",
            "5000",
            "5300",
        ),
        "response_p90",
        "+4%",
        600,
    ),
    Hard(
        _tail(
            "p99-5",
            "the slow 2% of requests wait 5.4 ms instead of 5 ms",
            P99_FINE,
            "0.02",
            "5000",
            "5400",
        ),
        "response_p99",
        "+5%",
        600,
    ),
    Hard(
        _tail(
            "p99-8",
            "the slow 2% of requests wait 5.64 ms instead of 5 ms",
            P99_HALF,
            "0.02",
            "5000",
            "5640",
        ),
        "response_p99",
        "+8%",
        600,
    ),
    Hard(
        _api(
            "slow-starts",
            "half as much work again after one start in five, blocks of 4 + 4",
            BLOCKS,
            "--slow-start-share",
            "0.2",
            load={**API_LOAD, "rate": 400.0, "duration_s": 5.0},
        ),
        "response_p50",
        "+28% in 20% of starts",
        600,
    ),
    Hard(
        _api("errors", "0.05% of requests get an error", SHORT, "--error-share", "0.0005"),
        "errors",
        "0.05%",
        600,
    ),
    Hard(_stop("stop-60", "800 ms every 60 s", "--stop-every", "60"), "stops", "every 60 s", 120),
    Hard(
        _stop("stop-180", "800 ms every 180 s", "--stop-every", "180", minutes=4.0),
        "stops",
        "every 180 s",
        240,
    ),
    Hard(
        _stop("stop-300", "800 ms every 300 s", "--stop-every", "300", minutes=6.0),
        "stops",
        "every 300 s",
        360,
    ),
    Hard(
        _stop(
            "stop-at-90",
            "800 ms when the process is 90 s old, and each 90 s",
            "--stop-at",
            "90",
            age_s=100.0,
        ),
        "stops",
        "at the age of 90 s",
        120,
    ),
    Hard(
        _stop("leak", "the work doubles within 10,000 requests", "--leak-requests", "10000"),
        "growth",
        "twice in 10,000 requests",
        600,
    ),
)
