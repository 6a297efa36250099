"""One step of a staircase: a short load at one rate, and whether the service carried it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.process import make_load
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers, LoadCounts
from socklat_gate.scenario import Load

__all__ = ["LEAST_WITHIN_NS", "Step", "limit_from", "run_step", "step_load"]

LEAD_NS = 50_000_000
WARMUP_S = 0.2
MIN_REQUESTS = 400
"""Of a step, so that a share of 99% can be told from one of 97%."""
SHORTEST_S, LONGEST_S = 1.0, 4.0
TIMEOUT_FACTOR = 3.0
LEAST_TIMEOUT_S = 0.5
WITHIN_FACTOR = 10.0
LEAST_WITHIN_NS = 10_000_000
DRIVER_LATE_SHARE = 0.5
"""A driver whose own lateness (p99) is this part of the limit is itself at its end."""
RECOVERS_WITHIN_S = 30.0
"""An overloaded service takes connections again once it is left alone; what it had queued is seldom
more than a few times the longest step."""
TRY_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """``in_time`` of ``planned`` requests got a good response within the limit.

    ``driver_late``: the driver itself was late.  ``median_ns`` and ``p99_ns`` are the clients'.
    ``answers`` is what came back, of all under "" and by the requests' names, ``first_error`` the
    text of the first that went wrong.
    """

    rate_rps: float
    planned: int
    in_time: int
    errors: int
    driver_late: bool
    median_ns: float
    p99_ns: float
    answers: Mapping[str, Answers] = field(default_factory=dict)
    first_error: str = ""

    @property
    def share(self) -> float:
        """Part of the requests that was responded to in time."""
        return self.in_time / self.planned if self.planned else 0.0


def step_load(load: Load, rate_rps: float, within_ns: int) -> Load:
    """``[load]`` of a step at this rate: as short as tells, its connections as in the scenario."""
    duration_s = min(LONGEST_S, max(SHORTEST_S, MIN_REQUESTS / rate_rps))
    timeout_s = max(LEAST_TIMEOUT_S, TIMEOUT_FACTOR * within_ns / 1e9)
    short = {"duration_s": duration_s, "max_duration_s": None, "warmup_s": WARMUP_S}
    rate = {"rate": rate_rps, "timeout_s": timeout_s}
    return load.model_copy(update={**short, **rate})


def run_step(
    load: Load,
    endpoint: Endpoint,
    rate_rps: float,
    seed: int,
    within_ns: int,
    poll: Callable[[], None],
    on_start: Callable[[], None] = lambda: None,
    *,
    fresh: bool = False,
) -> Step:
    """Tries ``rate_rps``; raises `InvalidMeasurement` as a load driver does.

    ``on_start`` is called when the load begins, after all that it takes to get ready.

    A service that refuses its connections after the step before, and takes them once it was left
    alone, does not carry the rate.  One that still refuses, or does so when it is ``fresh`` (no
    step came before), has another reason than the rate: that is raised (LOAD_REFUSED).
    """
    with make_load(step_load(load, rate_rps, within_ns), [endpoint], seed) as driver:
        try:
            driver.connect()
        except InvalidMeasurement as error:
            refused = error.reason is Reason.LOAD_REFUSED and not fresh
            if not (refused and _recovers(load, endpoint, seed, poll)):
                raise
            return Step(rate_rps, 1, 0, 1, driver_late=False, median_ns=math.nan, p99_ns=math.nan)
        driver.start(time.monotonic_ns() + LEAD_NS)
        on_start()
        (counts,) = driver.wait(poll=poll)
    return _step(rate_rps, counts, within_ns)


def _recovers(load: Load, endpoint: Endpoint, seed: int, poll: Callable[[], None]) -> bool:
    """Whether the service takes all connections again within `RECOVERS_WITHIN_S`."""
    until_s = time.monotonic() + RECOVERS_WITHIN_S
    while time.monotonic() < until_s:
        poll()
        with make_load(load, [endpoint], seed) as driver:
            try:
                driver.connect()
            except InvalidMeasurement as error:
                if error.reason is not Reason.LOAD_REFUSED:
                    raise
            else:
                return True
        time.sleep(TRY_EVERY_S)
    return False


def _step(rate_rps: float, counts: LoadCounts, within_ns: int) -> Step:
    middle, tail = counts.client.quantiles_ns([0.5, 0.99]).tolist()
    answers = {name: one.answers for name, one in counts.requests.items()}
    if counts.answers is not None:
        answers[""] = counts.answers
    in_time = _below(counts.client, within_ns)
    if counts.rejected is not None:
        in_time -= _below(counts.rejected, within_ns)
    return Step(
        rate_rps=rate_rps,
        planned=counts.planned,
        in_time=in_time,
        errors=counts.errors,
        driver_late=counts.late_p99_ns > DRIVER_LATE_SHARE * within_ns,
        median_ns=middle,
        p99_ns=tail,
        answers=answers,
        first_error=counts.first_error,
    )


def _below(times: Histogram, within_ns: int) -> int:
    return times.total - times.at_least(within_ns)


def limit_from(idle: Step) -> int:
    """The limit in ns that follows from the latency without a queue: 10 times its p99.

    At least 10 ms, below which a busy machine's scheduling would be what is measured.  Raises
    `InvalidMeasurement` (LOAD_REFUSED) when nothing was responded to.
    """
    if math.isnan(idle.p99_ns) or not idle.in_time:
        raise InvalidMeasurement(
            Reason.LOAD_REFUSED,
            f"the baseline responded to {idle.in_time} of {idle.planned} requests at a low rate"
            + (f"; the first error: {idle.first_error}" if idle.first_error else ""),
            remedy="check service.port and the requests of [load]",
        )
    return max(LEAST_WITHIN_NS, round(WITHIN_FACTOR * idle.p99_ns))
