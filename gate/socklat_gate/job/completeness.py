"""Whether everything that happened was counted: the kernel's balance and the driver's own count.

``seen = recorded + filtered + no_response + dropped + pending`` must hold exactly, and the
kernel's exchanges must agree with the responses that the load driver received.  Any loss above
`MAX_LOSS` makes the measurement invalid; it never becomes a pass.  Missed probe invocations are
the machine's doing and come and go with its interrupts: that measurement is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.measured.result import Completeness
from socklat_gate.measured.run import Run

__all__ = ["MAX_LOSS", "check_complete", "completeness_of"]

MAX_LOSS = 0.005


def completeness_of(runs: Iterable[Run], missed: int) -> Completeness:
    """Sums over runs; ``missed`` is the probe's count of missed invocations."""
    runs = list(runs)

    def total(counter: str) -> int:
        return sum(run.counters[counter] for run in runs)

    internal = [run for run in runs if not run.load.external]
    return Completeness(
        seen=total("seen"),
        recorded=total("recorded"),
        filtered=total("filtered"),
        no_response=total("no_response"),
        pending=total("pending"),
        dropped=total("dropped_map_full"),
        missed=missed,
        overlapped=total("overlapped"),
        responded_by_driver=sum(run.load.responded_total for run in internal) if internal else None,
        mismatch=max((mismatch(run) for run in internal), default=0.0),
    )


def mismatch(run: Run) -> float:
    """Relative difference between the kernel's count of responses and the driver's.

    The driver's failed requests are no difference: the kernel may have seen their responses.
    """
    kernel = run.counters["recorded"] + run.counters["filtered"]
    apart = abs(kernel - run.load.responded_total)
    return max(0, apart - run.load.errors) / max(1, run.load.responded_total)


def check_complete(arm: str, run: Run) -> None:
    """Raises `InvalidMeasurement` when a run lost events or disagrees with the driver."""
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
            f"{counts.responded_by_driver}",
            remedy="is service.port the port that responds, and does nothing else connect to it? "
            "Requests that overlap on one connection also look like this",
        )
    if counts.recorded == 0:
        raise InvalidMeasurement(
            Reason.EVENTS_LOST,
            f"{arm}: no exchange was recorded in the measured window",
            remedy="check that the load reaches service.port and that the service responds",
        )
