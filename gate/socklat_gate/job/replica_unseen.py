"""What the load's driver knows of a replica and no exchange shows.

A service that restarts itself inside its container is away for a few tenths of a second: requests
find no connection, and are served quickly once there is one.  The kernel sees no slow exchange; the
driver's times count from when each request was due.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import LoadCounts

__all__ = ["NOTHING", "Unseen", "no_response", "unseen_of", "waited"]

NEARLY = 0.9
"""An exchange of this part of a time is no other time: the rest of it is the way there and back."""

DOUBLINGS = 16
"""Of the time from which on an exchange is a stop: to 55 minutes, from the usual 50 ms."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """Members of `measured.watch.Replica`."""

    no_response: int = 0
    waited: int = 0
    lost: int = 0


NOTHING = Unseen()


def unseen_of(counts: LoadCounts, took_ns: npt.NDArray[np.int64], least_ns: int) -> Unseen:
    """By what the driver counted, beside the times of all exchanges that the kernel saw."""
    return Unseen(
        no_response=no_response(counts),
        waited=waited(counts.client, took_ns, least_ns),
        lost=counts.answers.lost if counts.answers is not None else 0,
    )


def no_response(counts: LoadCounts) -> int:
    """Requests that were due and got no response, or one that counts as an error.

    A replica that fails its requests from some age on is quick, and does not stop.
    """
    rejected = counts.rejected.total if counts.rejected is not None else 0
    return counts.planned - counts.responded + rejected


def waited(client: Histogram, took_ns: npt.NDArray[np.int64], least_ns: int) -> int:
    """Requests that took the driver ``least_ns`` or more, beyond the exchanges that did.

    The most at that time, twice, four times as long and so on: where exchanges usually take
    ``least_ns``, what waits for a connection shows further up.
    """
    found = 0
    for doubling in range(DOUBLINGS):
        at_ns = least_ns << doubling
        slow = client.at_least(at_ns)
        if not slow:
            break
        found = max(found, slow - int(np.count_nonzero(took_ns >= NEARLY * at_ns)))
    return found
