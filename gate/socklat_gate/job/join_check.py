"""Whether the kernel's exchanges and the driver's requests agree, connection by connection.

Names rest on it: an exchange that is counted to another request makes one name slower and another
one faster.  A miscount that the machine explains (probe invocations that the kernel missed,
connections that did not fit into the map) is allowed: time still tells whose exchange it was.
"""

from __future__ import annotations

import math

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.completeness import MAX_LOSS, STRAY_REQUESTS
from socklat_gate.measured.run import Mismatch, Run
from socklat_gate.stalls.join import Joined

__all__ = ["check_joined"]

SIGMAS = 4.0


def check_joined(
    arm: str, run: Run, joined: Joined, missed: int, *, keep_alive: bool = True
) -> None:
    """Raises `InvalidMeasurement` (COUNT_MISMATCH) naming a connection that does not agree.

    ``missed`` are invocations of the probe that the kernel missed meanwhile, whoever's they were.
    With ``keep_alive`` each connection that was opened on top may have been refused with a request.
    """
    join = joined.join
    explained = missed + run.counters.get("dropped_map_full", 0)
    if joined.miscounted > STRAY_REQUESTS and join.mismatched > explained:
        raise InvalidMeasurement(
            Reason.COUNT_MISMATCH,
            f"{arm}: {joined.miscounted} exchanges on {join.mismatched} of {join.connections} "
            f"connections are not the request that they should be: {_named(join.mismatches)}",
            remedy="does each request get exactly one response, and does nothing but the load "
            "driver connect to service.port? Requests that overlap also look like this",
        )
    unjoined = join.logged - join.joined
    if unjoined > max(STRAY_REQUESTS, MAX_LOSS * join.logged):
        raise InvalidMeasurement(
            Reason.COUNT_MISMATCH,
            f"{arm}: {unjoined} of {join.logged} exchanges belong to no request of the load driver",
            remedy="does something else connect to service.port, or is a proxy between the load "
            "driver and the service? It would have connections of its own",
        )
    if joined.unseen is not None:
        refused = run.load.grown if keep_alive else 0
        _check_seen(arm, run, joined, joined.unseen, refused)


def _check_seen(arm: str, run: Run, joined: Joined, unseen: tuple[int, ...], refused: int) -> None:
    """Requests without an exchange, of all and of each name: a rare one could be missing whole."""
    lost, counters = run.counters.get("log_lost", 0), run.counters
    failed = run.load.no_response_total
    failed = max(run.load.errors if failed is None else failed, counters["no_response"])
    found = [("", sum(joined.requests), sum(unseen) - lost - failed - refused)]
    for name, requests, without in zip(run.requests, joined.requests, unseen, strict=True):
        counts = run.load.requests.get(name)
        own = counts.sent - counts.responded if counts else failed
        # Records are lost by chance, whatever their name.
        share = lost * requests / max(1, sum(joined.requests))
        chance = round(share + SIGMAS * math.sqrt(share))
        found.append((f" {name}", requests, without - own - chance - refused))
    for name, requests, missing in found:
        if missing > max(STRAY_REQUESTS, MAX_LOSS * requests):
            raise InvalidMeasurement(
                Reason.COUNT_MISMATCH,
                f"{arm}: {missing} of {requests} requests{name} of the load driver were seen as no "
                f"exchange: {_named(joined.lacking)}",
                remedy="is service.port the port that responds? Requests that overlap on one "
                "connection also look like this",
            )


def _named(mismatches: tuple[Mismatch, ...]) -> str:
    return ", ".join(
        f"{one.seen} exchanges and {one.sent} requests from port {one.peer_port}"
        for one in mismatches
    )
