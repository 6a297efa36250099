"""Whether the planned load really happened: pure rules, fixed before anything is measured.

A load that fails in every arm measures nothing.  One that fails in the candidate alone, while the
baseline in the same pair carries it, is what a comparison is for: it is judged from the counts.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.bounds import MOST_CONNECTIONS, max_connections_of
from socklat_gate.measured.load_counts import Answers, LoadCounts
from socklat_gate.scenario import Load
from socklat_gate.scenario.rate_steps import peak_rate
from socklat_gate.wording import units

__all__ = [
    "MIN_SENT",
    "Undelivered",
    "check_delivered",
    "check_failing",
    "find_failing_command",
    "find_undelivered",
]

log = logging.getLogger(__name__)

MIN_SENT = 0.99
"""Smallest share of the planned requests that must have been sent."""
BY_CHANCE = 0.001
"""A count of errors that fewer runs than these would have at a share of ``load.max_errors`` is no
chance any more: one failed request of some hundred says nothing against a load."""
SPARE = 1.25
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What an arm lacks, as the error that it is unless the other arm has it.

    ``container`` names the one of several that lacks it ("": the arm has one).
    """

    arm: str
    error: InvalidMeasurement
    container: str = ""

    @property
    def name(self) -> str:
        """The container's, or the arm's."""
        return self.container or self.arm


def find_undelivered(
    load: Load,
    counts: Sequence[LoadCounts],
    arms: Sequence[str],
    containers: Sequence[str] = (),
) -> tuple[Undelivered, ...]:
    """What each arm lacks; ``counts``, ``arms`` (names) and ``containers`` (names) go together.

    ``LOAD_REFUSED`` (no response at all), ``LOAD_ERRORS`` (a share of failed requests shown to be
    above ``load.max_errors``), ``LOAD_NOT_DELIVERED`` (less than `MIN_SENT` of the plan sent, or 1%
    of it sent more than ``load.max_lag_ms`` after it was due for want of a free connection, though
    none was opened on top).  The load of an external command is unknown here: see
    `find_failing_command`.
    """
    return tuple(
        Undelivered(arm, error, "" if name == arm else name)
        for find in (_refused, _failing, _short)
        for arm, name, count in zip(arms, containers or arms, counts, strict=True)
        if not count.external and count.planned and (error := find(load, count, name))
    )


def find_failing_command(
    load: Load, counts: Sequence[LoadCounts], arms: Sequence[str]
) -> tuple[Undelivered, ...]:
    """As `find_undelivered` of external commands: LOAD_ERRORS, by what the kernel saw.

    Only where it could read statuses: elsewhere a request without a response may be the tool's own
    way to end a connection.
    """
    return tuple(
        Undelivered(arm, error)
        for arm, count in zip(arms, counts, strict=True)
        if count.external and count.answers and (error := _statuses(load, count.answers, arm))
    )


def check_failing(load: Load, counts: Sequence[LoadCounts], arm: str) -> None:
    """Raises `InvalidMeasurement` (LOAD_ERRORS) for what runs of an arm fail by together.

    A share above ``load.max_errors`` that one run is too short to show.
    """
    answers = Answers.merged(one.answers for one in counts if one.external and one.answers)
    driven = [one for one in counts if not one.external]
    error = _statuses(load, answers, arm) if answers else None
    if driven and error is None:
        failed, planned = sum(one.errors for one in driven), sum(one.planned for one in driven)
        first = next((_first_error(one) for one in driven if one.first_error), "")
        error = _too_many(load, failed, planned, arm, first)
    if error is not None:
        raise error


def check_delivered(found: Sequence[Undelivered], arms: Collection[str]) -> None:
    """Raises `InvalidMeasurement` for what every one of ``arms`` lacks, in one container or more.

    Of several reasons the first counts: errors cause a load that is not delivered.
    """
    lacking: dict[Reason, list[Undelivered]] = {}
    for one in found:
        lacking.setdefault(one.error.reason, []).append(one)
    for ones in lacking.values():
        if {one.arm for one in ones} == set(arms):
            raise ones[0].error
    for one in found:
        log.info("not of every arm: %s", one.error.message)


def _refused(load: Load, count: LoadCounts, arm: str) -> InvalidMeasurement | None:  # noqa: ARG001 - as the others
    if count.responded_total:
        return None
    return InvalidMeasurement(
        Reason.LOAD_REFUSED,
        f"{arm}: none of {count.planned} requests got a response{_first_error(count)}",
        remedy="check that load.driver, load.payload and load.response speak the service's "
        "protocol (set load.tls if it wants TLS), and that it responds within load.timeout_s",
    )


def _failing(load: Load, count: LoadCounts, arm: str) -> InvalidMeasurement | None:
    return _too_many(load, count.errors, count.planned, arm, _first_error(count))


def _statuses(load: Load, answers: Answers, arm: str) -> InvalidMeasurement | None:
    read = Counter({status: count for status, count in answers.statuses.items() if status})
    if not read.total():
        return None
    most = ", ".join(f"{status} ({count} times)" for status, count in read.most_common(SHOWN))
    return _too_many(load, answers.failed, answers.seen, arm, f"; statuses: {most}")


def _too_many(
    load: Load, failed: int, planned: int, arm: str, example: str
) -> InvalidMeasurement | None:
    if not _shown_above(failed, planned, load.max_errors):
        return None
    return InvalidMeasurement(
        Reason.LOAD_ERRORS,
        f"{arm}: {failed} of {planned} requests failed ({units.share(failed / planned)}), more "
        f"than load.max_errors = {load.max_errors:g} allows{example}",
        remedy="make the requests succeed (see the service's log), or raise "
        "load.max_errors if failures belong to this load",
    )


def _shown_above(failed: int, planned: int, share: float) -> bool:
    """Whether so many of ``planned`` cannot be chance at ``share`` (exact binomial tail)."""
    if failed <= share * planned:
        return False
    from scipy.special import betainc  # noqa: PLC0415 - takes 0.3 s, and is seldom needed

    # P(X >= k) of a binomial; Abramowitz and Stegun, 26.5.24.
    at_least = min(failed, planned)
    return bool(betainc(at_least, planned - at_least + 1, share) < BY_CHANCE)


def _first_error(count: LoadCounts) -> str:
    return f"; the first error: {count.first_error}" if count.first_error else ""


def _short(load: Load, count: LoadCounts, arm: str) -> InvalidMeasurement | None:
    lag_ms = count.lag_p99_ns / 1e6
    # A driver that was late itself is no evidence about the service: see `job.exclusion`.
    # Neither does one whose pool grew as far as the service let it: waiting is the service's doing
    # then, and those of its requests that were sent in time show it.  With several streams a
    # connection what requests waited is a part of what is judged.
    lagging = (
        count.streams is None
        and lag_ms > load.max_lag_ms
        and count.late_p99_ns / 1e6 <= load.max_late_ms
        and not count.grown
    )
    if count.sent >= MIN_SENT * count.planned and not lagging:
        return None
    # Little's law for the longest wait seen: so many requests are under way at once.
    of_one = max(1, count.streams.allowed) if count.streams else 1
    needed = math.ceil(SPARE * peak_rate(load) * count.client.max_ns() / 1e9 / of_one)
    if needed > MOST_CONNECTIONS or needed <= load.connections:
        remedy = "lower load.rate, or raise load.connections if the service allows more"
    elif needed > max_connections_of(load):
        remedy = f"set load.max_connections to {needed} or more, or lower load.rate"
    else:
        remedy = (
            f"let the service take {needed} clients (its listen queue holds those that come while "
            f"it pauses), set load.connections to {needed} so that they are there from the start, "
            "or lower load.rate"
        )
    return InvalidMeasurement(
        Reason.LOAD_NOT_DELIVERED,
        f"{arm}: {count.sent} of {count.planned} planned requests were sent "
        f"({units.share(count.sent / count.planned)}, at least {units.share(MIN_SENT)} needed), "
        f"p99 of them {lag_ms:.0f} ms after they were due (load.max_lag_ms = {load.max_lag_ms:g}); "
        f"for {count.starved} ({units.share(count.starved / count.planned)}) no "
        f"{'connection' if count.streams is None else 'stream'} was free, of {load.connections} "
        f"{'' if count.streams is None else 'connections '}and {count.grown} opened on top",
        remedy=remedy,
    )
