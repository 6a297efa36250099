"""``load.rate = "auto"``: the highest rate at which the baseline is still far from its limits.

A pair's noise is nearly all sampling error, so requests per second are sensitivity; but near its
capacity a service shows its queue instead of itself.  The rate is found from the baseline alone:
the candidate must not choose its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.step import Step, limit_from
from socklat_gate.verdict.staircase import Staircase

__all__ = ["MOST_RPS", "FoundRate", "TriedRate", "find_rate"]

SHARE = 0.4
"""Of the service's capacity, and of the machine's CPU time with both arms under load."""
LEAST_RPS, MOST_RPS = 20.0, 25_000.0
"""The upper end is what the driver sends on 0.7 of a core (docs/lab/load.md)."""
START_RPS = 100.0
PRECISION = 0.25
CARRIED = 0.99
TRIES, TRIES_NEARLY = 2, 4
"""Of a rate before it counts as not carried: a stall in its second would halve what is found.

Each time, as no account of the machine tells such a stall from the service's own end: hypervisors
do not report all that they take, and another process's burst looks like the service's work.  More
often where a step was nearly carried.
"""
NEARLY = 0.5
"""A queue that grows for a second leaves fewer requests in time, a stall more."""
LEAST_BUSY = 1e-3
ARMS = 2
DIGITS = 2


@dataclass(frozen=True, slots=True)
class TriedRate:
    """A step, and the share of the CPUs that all of the machine used meanwhile, in [0, 1]."""

    step: Step
    busy: float


@dataclass(frozen=True, slots=True)
class FoundRate:
    """``rate_rps`` for each arm, below ``capacity_rps`` (of the baseline, as far as it was tried).

    ``by_cpu``: the machine's CPUs are the bound, not the service.
    """

    rate_rps: float
    capacity_rps: float
    by_cpu: bool


def find_rate(try_rate: Callable[[float, int], TriedRate], longest_ns: int) -> FoundRate:
    """The rate; ``try_rate`` drives the baseline at one for a second, with a limit in ns.

    ``longest_ns`` is ``load.timeout_s``.  Raises `InvalidMeasurement` (LOAD_REFUSED) when the
    service does not carry `LEAST_RPS` requests a second.
    """
    idle = try_rate(LEAST_RPS, longest_ns)
    within_ns = limit_from(idle.step)
    stair = Staircase(START_RPS, least_rps=LEAST_RPS, most_rps=MOST_RPS, precision=PRECISION)
    cost = math.inf  # the share of the CPUs that one request a second takes
    while (rate := stair.next_rps) is not None:
        tried = _carried(partial(try_rate, rate, within_ns))
        stair.record(carried=tried is not None)
        if tried is None:
            continue
        # The least of all: what others used meanwhile is only added, and weighs less the higher
        # the rate.
        cost = min(cost, max(tried.busy, LEAST_BUSY) / rate)
        # The idle step has few requests, so that one stall sets its limit; this makes up for it.
        within_ns = min(within_ns, limit_from(tried.step))
    if math.isinf(cost):
        raise InvalidMeasurement(
            Reason.LOAD_REFUSED,
            f"the baseline does not carry {LEAST_RPS:g} requests a second, so that no rate can be "
            "found",
            remedy="check that the requests of [load] succeed, or give load.rate a number",
        )
    capacity = stair.estimate_rps
    by_service, by_cpu = SHARE * capacity, SHARE / (ARMS * cost)
    rate = max(LEAST_RPS, min(by_service, by_cpu))
    return FoundRate(_rounded(rate), capacity, by_cpu < by_service)


def _carried(try_once: Callable[[], TriedRate]) -> TriedRate | None:
    """The first try that was carried; None when none was."""
    for tries in range(1, TRIES_NEARLY + 1):
        tried = try_once()
        if tried.step.share >= CARRIED and not tried.step.driver_late:
            return tried
        if tries >= TRIES and tried.step.share < NEARLY:
            break
    return None


def _rounded(rate: float) -> float:
    """To two digits: more would promise what a second of load cannot know."""
    unit = 10.0 ** (math.floor(math.log10(rate)) - DIGITS + 1)
    return max(1.0, math.floor(rate / unit) * unit)
