"""Whether what several workers counted is the whole load."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.load_driver import Window
from socklat_gate.load.merged_counts import Part
from socklat_gate.load.schedule import Schedule
from socklat_gate.measured.load_counts import LoadCounts

__all__ = ["check_shares"]

REMEDY = "report it as an error of socklat-gate; load.workers = 1 does without"


def check_shares(
    schedule: Schedule,
    window: Window,
    shares: Sequence[Sequence[Part]],
    merged: Sequence[LoadCounts],
) -> None:
    """Raises `InvalidMeasurement` (LOAD_DRIVER_FAILED) for a load that is not all of ``schedule``.

    ``shares`` are by worker and arm, ``merged`` by arm.  Every request of the window has to be
    planned by one worker, of both arms alike; and none of the workers may have stood by while
    others sent.  One that the services let have no connection did not.
    """
    first, end = np.searchsorted(
        schedule.offsets_ns, [window.from_ns - window.start_ns, window.to_ns - window.start_ns]
    )
    due = np.bincount(schedule.arm[first:end], minlength=len(merged)).tolist()
    planned = [counts.planned for counts in merged]
    if planned != due:
        raise InvalidMeasurement(
            Reason.LOAD_DRIVER_FAILED,
            f"the shares of {len(shares)} load workers add up to {planned} requests by arm, "
            f"where {due} were due",
            remedy=REMEDY,
        )
    for at, parts in enumerate(shares, 1):
        own = sum(part.counts.planned for part in parts)
        if own and not _sent(parts) and not _refused(parts) and any(map(_sent, shares)):
            raise InvalidMeasurement(
                Reason.LOAD_DRIVER_FAILED,
                f"load worker {at} of {len(shares)} sent none of its {own} requests",
                remedy=REMEDY,
            )


def _sent(parts: Sequence[Part]) -> bool:
    """Whether anything was sent, in the warm-up at least."""
    return any(
        part.counts.sent or part.counts.responded_total or part.counts.no_response_total
        for part in parts
    )


def _refused(parts: Sequence[Part]) -> bool:
    """Whether nothing could be sent: by the errors of the requests, or all connections were lost.

    A request that nobody turned to has no error, and its connection is open.
    """
    return all(
        counts.errors or (counts.answers and 0 < counts.answers.opened <= counts.answers.lost)
        for counts in (part.counts for part in parts)
        if counts.planned
    )
