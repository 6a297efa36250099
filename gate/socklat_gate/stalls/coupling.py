"""How much the arms share a queue: exchanges that waited behind the other arm.

An exchange waited behind the other arm when, between its arrival and its being read, that arm began
a response on the CPU on which this one's began later.  Where the arms share CPUs under load, such
waits are a part of each arm's p90 and p99, and the same part of both: a candidate that got slower
then shows less of it than it would alone.

It is a lower bound: an exchange that was read at once and then had to share its CPU is not counted.
A response that waits for somebody else holds no CPU, and nobody waits behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from socklat_gate.measured.records import EXCHANGE_STAGES, Records

__all__ = ["coupling"]

RECV_WAIT, APP = (EXCHANGE_STAGES.index(stage) for stage in ("recv_wait", "app"))


def coupling(arms: Sequence[Records]) -> float | None:
    """Share of the exchanges of both arms, in [0, 1]; None of one arm, or without exchanges.

    ``arms`` hold `EXCHANGE` records of the same time, all that there were: of a sample, the other
    arm's response may be one that is missing.
    """
    total = sum(arm.size for arm in arms)
    if len(arms) != 2 or not total:
        return None
    one, other = arms
    return (_waiting(one, other) + _waiting(other, one)) / total


def _waiting(ours: Records, theirs: Records) -> int:
    found = 0
    for cpu in np.unique(ours["cpu"]):
        waiting, serving = ours[ours["cpu"] == cpu], theirs[theirs["cpu"] == cpu]
        begun_ns = np.sort(_read_ns(serving) + serving["ns"][:, APP])
        arrived = np.searchsorted(begun_ns, waiting["rx_first_ns"], side="right")
        read = np.searchsorted(begun_ns, _read_ns(waiting), side="right")
        found += int(np.count_nonzero(read > arrived))
    return found


def _read_ns(exchanges: Records) -> Records:
    return np.asarray(exchanges["rx_first_ns"] + exchanges["ns"][:, RECV_WAIT])
