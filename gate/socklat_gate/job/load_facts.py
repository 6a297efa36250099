"""What a verdict needs to know of the load of one arm: was it carried, and what came back.

The built-in drivers count themselves.  Of an external command the kernel's counts stand in for
that: the statuses of plain HTTP, and requests that never got a response.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.checks import Undelivered
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers, ErrorKind
from socklat_gate.measured.names import BAD_STATUS
from socklat_gate.measured.run import Run
from socklat_gate.scenario import Load
from socklat_gate.scenario.rate_steps import mean_rate

__all__ = ["with_load_facts"]

OFF_RATE = 0.02
"""Share by which the count of a tool that keeps to ``load.rate`` may be off, beside chance."""

SIGMAS = 4.0
"""Standard errors of a Poisson count that are chance."""


def with_load_facts(load: Load, arm: str, run: Run, undelivered: Iterable[Undelivered]) -> Run:
    """The run with its load's ``overloaded``, and what the kernel knows of an external load.

    A command is not told whether it is an open loop.  One whose requests are about ``load.rate`` a
    second is taken for it: ``planned`` is what the rate makes, ``sent`` what was seen, and an arm
    with less is overloaded.  One with more has its own pace (a closed loop sends more the faster
    the service is): ``planned`` stays 0, and the other arm's number is needed (`verdict.pace`).
    Raises `InvalidMeasurement` (LOAD_ERRORS) where ``load.expect.status`` is of what no probe sees.
    """
    if not run.load.external:
        short = any(
            one.name == arm and one.error.reason is Reason.LOAD_NOT_DELIVERED for one in undelivered
        )
        return replace(run, load=replace(run.load, overloaded=short))
    unanswered = _unanswered(run)
    expected = load.expect.status if load.expect else None
    if expected:
        _check_statuses(arm, run)
    answers = _answers_of(run, unanswered, expected)
    planned = mean_rate(load) * run.duration_s
    chance = SIGMAS * math.sqrt(planned)
    seen = run.counters["recorded"] + unanswered
    if seen > planned * (1.0 + OFF_RATE) + chance:
        return replace(run, load=replace(run.load, answers=answers))
    counts = replace(
        run.load,
        planned=round(planned),
        sent=seen,
        answers=answers,
        overloaded=seen < planned * (1.0 - OFF_RATE) - chance,
    )
    return replace(run, load=counts)


def _check_statuses(arm: str, run: Run) -> None:
    """Raises `InvalidMeasurement` where statuses are expected and the kernel could read none."""
    unknown = run.statuses.get("", 0)
    if run.counters["recorded"] and unknown == sum(run.statuses.values()):
        raise InvalidMeasurement(
            Reason.LOAD_ERRORS,
            f"{arm}: load.expect.status cannot be held against the responses: the probe could read "
            f"the status of none of {run.counters['recorded']}",
            remedy='leave load.expect out for what is not plain HTTP, or use load.driver = "http"',
        )


def _answers_of(run: Run, unanswered: int, expected: Sequence[int] | None) -> Answers:
    """As far as the kernel saw it; it counts no bytes by response, and no connections."""
    kind: ErrorKind = "unexpected_status" if expected else "bad_status"
    bad = sum(
        count
        for status, count in run.statuses.items()
        if status.isdecimal() and _is_bad(int(status), expected)
    )
    failed: dict[str, int] = {kind: bad, "closed": unanswered}
    errors = {kind: count for kind, count in failed.items() if count}
    statuses = run.statuses or {"": run.counters["recorded"]}
    return Answers(statuses, Histogram.empty(), errors, 0, 0, "kernel")


def _is_bad(status: int, expected: Sequence[int] | None) -> bool:
    return status not in expected if expected else status >= BAD_STATUS


def _unanswered(run: Run) -> int:
    """Requests without a response, less those that are cut off when the tool ends.

    By Little's law so many are under way at any moment, give or take chance.
    """
    counters, response = run.counters, run.histograms.get("response", run.histograms["service"])
    under_way = response.total * response.mean_ns() / 1e9 / run.duration_s if response.total else 0
    cut_off = math.ceil(under_way + SIGMAS * math.sqrt(under_way) + 1.0)
    return max(0, counters["no_response"] - cut_off)
