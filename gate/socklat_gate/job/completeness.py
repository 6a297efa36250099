"""Whether everything that happened was counted: the kernel's balance and the driver's own count.

``seen = recorded + filtered + no_response + dropped + pending`` must hold exactly, and the
kernel's exchanges must agree with the responses that the load driver received.  Any loss above
`MAX_LOSS` makes the measurement invalid; it never becomes a pass.  Like is compared with like:
what came in on other ports of the namespace, or from inside of it, is in neither count.  Missed
probe invocations are the machine's doing and come and go with its interrupts: that measurement is
repeated.
"""

from __future__ import annotations

from collections.abc import Iterable

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.result import Completeness
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import by_driver_clock

__all__ = ["MAX_LOSS", "check_complete", "completeness_of"]

MAX_LOSS = 0.005
STRAY_REQUESTS = 2
"""So many that somebody else sent from outside in one run are no difference: an orchestrator's
probe, a scrape.  Of a slow load they are more than `MAX_LOSS`, and hide no response that is
missing."""


def completeness_of(runs: Iterable[Run], missed: int) -> Completeness:
    """Sums over runs; ``missed`` is the probe's count of missed invocations."""
    runs = list(runs)

    def total(counter: str) -> int:
        return sum(run.counters.get(counter, 0) for run in runs)

    driven = [run for run in runs if not run.load.external]
    return Completeness(
        seen=total("seen"),
        recorded=total("recorded"),
        filtered=total("filtered"),
        no_response=total("no_response"),
        pending=total("pending"),
        dropped=total("dropped_map_full"),
        missed=missed,
        overlapped=total("overlapped"),
        responded_by_driver=sum(run.load.responded_total for run in driven) if driven else None,
        mismatch=max((mismatch(run) for run in driven), default=0.0),
        internal=total("internal"),
        local=total("local"),
    )


def mismatch(run: Run) -> float:
    """Relative difference between the kernel's count of responses and the driver's.

    0 where connections have several streams, which the kernel cannot tell apart.  Requests without
    a complete response are no difference: the kernel may have seen a part.  Nor are up to
    `STRAY_REQUESTS` that only the kernel saw; none is allowed that only the driver saw.
    """
    if by_driver_clock(run):
        return 0.0
    kernel = run.counters["recorded"] + run.counters["filtered"]
    more = kernel - run.load.responded_total
    cut_short = run.load.no_response_total
    unexplained = abs(more) - (run.load.errors if cut_short is None else cut_short)
    if unexplained <= (STRAY_REQUESTS if more > 0 else 0):
        return 0.0
    return unexplained / max(1, run.load.responded_total)


def check_complete(arm: str, run: Run) -> None:
    """Raises `InvalidMeasurement` when a run lost events or disagrees with the driver.

    Where the driver got no response either, there is none to be missed; nor is there where all
    requests of an external tool were seen to get none.
    """
    counts = completeness_of([run], missed=0)
    if not counts.balanced:
        raise InvalidMeasurement(
            Reason.EVENTS_LOST,
            f"{arm}: the kernel's counts do not add up: {counts.seen} exchanges seen, "
            f"{counts.recorded} recorded, {counts.filtered} filtered, {counts.no_response} "
            f"without a response, {counts.dropped} dropped, {counts.pending} pending",
            remedy="this is a defect of the probe: please report it with this line",
        )
    if counts.dropped > MAX_LOSS * max(1, counts.seen):
        raise InvalidMeasurement(
            Reason.EVENTS_LOST,
            f"{arm}: {counts.dropped} of {counts.seen} exchanges were lost: they did not fit into "
            "the map of connections",
            remedy="raise probe.max_connections in the scenario above the number of open "
            "connections",
        )
    unlogged = run.counters.get("log_lost", 0)
    if unlogged > MAX_LOSS * max(1, counts.seen):
        raise InvalidMeasurement(
            Reason.EVENTS_LOST,
            f"{arm}: {unlogged} of {counts.seen} exchanges found no room in the probe's log",
            remedy="the gate was kept from emptying it in time: lower load.rate, or leave a CPU to "
            "the gate (service.cpuset, load.cpuset)",
        )
    if counts.mismatch > MAX_LOSS:
        raise InvalidMeasurement(
            Reason.COUNT_MISMATCH,
            f"{arm}: the kernel saw {counts.recorded + counts.filtered} responses, the load driver "
            f"{counts.responded_by_driver}{_without_end(counts)}{_beside(run)}",
            remedy="is service.port the port that responds, and does nothing outside of the "
            "container connect to it? Requests that overlap on one connection also look like this",
        )
    expected = not counts.no_response if run.load.external else run.load.responded
    if counts.recorded == 0 and expected:
        raise InvalidMeasurement(
            Reason.EVENTS_LOST,
            f"{arm}: no exchange was recorded in the measured window{_beside(run)}",
            remedy="check that the load reaches service.port from outside of the container and "
            "that the service responds",
        )


def _without_end(counts: Completeness) -> str:
    """Exchanges that the kernel saw no response of, or no end, as a part of a sentence."""
    parts = [(counts.no_response, "without a response"), (counts.pending, "not over")]
    found = [f"{number} {what}" for number, what in parts if number]
    return f", and {' and '.join(found)}" if found else ""


def _beside(run: Run) -> str:
    """The exchanges in the namespace that are not the service's, as the end of a sentence."""
    parts = [f"{times.total} on port {port}" for port, times in run.internal.items()]
    local = run.counters.get("local", 0)
    parts += [f"{local} asked for from inside"] if local else []
    return f"; other exchanges in its network namespace: {', '.join(parts)}" if parts else ""
