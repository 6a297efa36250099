"""Whether the planned load really happened: pure rules, fixed before anything is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.bounds import MOST_CONNECTIONS, max_connections_of
from socklat_gate.measured.run import LoadCounts
from socklat_gate.scenario import Load
from socklat_gate.wording import units

__all__ = ["MIN_SENT", "check_delivered"]

MIN_SENT = 0.99
"""Smallest share of the planned requests that must have been sent."""
SPARE = 1.25


def check_delivered(load: Load, counts: Sequence[LoadCounts], arms: Sequence[str]) -> None:
    """Raise when an arm did not get its load; ``counts`` and ``arms`` (names) go together.

    Raises `InvalidMeasurement`: ``LOAD_REFUSED`` (no response at all), ``LOAD_ERRORS`` (more
    than ``load.max_errors`` of the planned requests), ``LOAD_NOT_DELIVERED`` (less than `MIN_SENT`
    sent, or 1% of them sent more than ``load.max_lag_ms`` after they were due for want of a free
    connection, though none was opened on top).  The load of an external command is unknown here.
    """
    for arm, count in zip(arms, counts, strict=True):
        if not count.external and count.planned:
            _check_responses(load, count, arm)
            _check_sending(load, count, arm)


def _check_responses(load: Load, count: LoadCounts, arm: str) -> None:
    first = f"; the first error: {count.first_error}" if count.first_error else ""
    if count.responded_total == 0:
        raise InvalidMeasurement(
            Reason.LOAD_REFUSED,
            f"{arm}: none of {count.planned} requests got a response{first}",
            remedy="check that load.driver, load.payload and load.response speak the service's "
            "protocol, and that it responds within load.timeout_s",
        )
    if count.errors > load.max_errors * count.planned:
        raise InvalidMeasurement(
            Reason.LOAD_ERRORS,
            f"{arm}: {count.errors} of {count.planned} requests failed "
            f"({units.share(count.errors / count.planned)}), more than "
            f"load.max_errors = {load.max_errors:g} allows{first}",
            remedy="make the requests succeed (see the service's log), or raise "
            "load.max_errors if failures belong to this load",
        )


def _check_sending(load: Load, count: LoadCounts, arm: str) -> None:
    lag_ms = count.lag_p99_ns / 1e6
    # A driver that was late itself is no evidence about the service: see `job.exclusion`.
    # Neither does one whose pool grew as far as the service let it: waiting is the service's doing
    # then, and those of its requests that were sent in time show it.
    lagging = (
        lag_ms > load.max_lag_ms and count.late_p99_ns / 1e6 <= load.max_late_ms and not count.grown
    )
    if count.sent >= MIN_SENT * count.planned and not lagging:
        return
    # Little's law for the longest wait seen: so many requests are under way at once.
    needed = math.ceil(SPARE * load.rate * count.client.max_ns() / 1e9)
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
    raise InvalidMeasurement(
        Reason.LOAD_NOT_DELIVERED,
        f"{arm}: {count.sent} of {count.planned} planned requests were sent "
        f"({units.share(count.sent / count.planned)}, at least {units.share(MIN_SENT)} needed), "
        f"p99 of them {lag_ms:.0f} ms after they were due (load.max_lag_ms = {load.max_lag_ms:g}); "
        f"for {count.starved} ({units.share(count.starved / count.planned)}) no connection "
        f"was free, of {load.connections} and {count.grown} opened on top",
        remedy=remedy,
    )
