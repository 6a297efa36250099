"""What was sent, what was seen: the load of each arm and the kernel's balance, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import StreamCounts
from socklat_gate.measured.result import Completeness
from socklat_gate.measured.run import Run
from socklat_gate.report.arm_runs import Arms
from socklat_gate.wording import units
from socklat_gate.wording.request_text import join_text
from socklat_gate.wording.stream_text import in_flight_text, workers_text

__all__ = [
    "CompletenessText",
    "Load",
    "LoadRow",
    "completeness_section",
    "load_section",
]


@dataclass(frozen=True, slots=True)
class LoadRow:
    """What the driver did to one arm, summed over the runs in use.

    ``streams`` says how many requests a connection had, where it can have several.
    """

    arm: str
    planned: str
    sent: str
    starved: str
    responded: str
    errors: str
    late: str
    lag: str
    client_p99: str
    first_error: str
    streams: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """A row for every arm; ``sent_by`` says how many processes shared the load, "" of one."""

    rows: tuple[LoadRow, ...]
    sent_by: str = ""


@dataclass(frozen=True, slots=True)
class CompletenessText:
    """The kernel's balance spelled out; ``beside`` is empty when nothing else came in.

    ``join`` says on how many connections kernel and driver agree; "" without named requests.
    """

    balance: str
    balanced: bool
    missed: str
    overlapped: str
    driver: str
    beside: str = ""
    join: str = ""


def load_section(arms: Arms) -> Load | None:
    """None when there is no run."""
    rows = tuple(_load_row(arm, runs) for arm, runs in arms if runs)
    workers = max((run.load.workers for _, runs in arms for run in runs), default=1)
    return Load(rows, workers_text(workers)) if rows else None


def _load_row(arm: str, runs: Sequence[Run]) -> LoadRow:
    """Sums, and the worst of the 99th percentiles, over at least one run."""
    loads = [run.load for run in runs]
    external = all(load.external for load in loads)
    client = Histogram.merged(load.client for load in loads)
    return LoadRow(
        arm=arm,
        planned="external" if external else units.count(sum(load.planned for load in loads)),
        sent="external" if external else units.count(sum(load.sent for load in loads)),
        starved=units.count(sum(load.starved for load in loads)),
        responded=units.count(sum(load.responded for load in loads)),
        errors=units.count(sum(load.errors for load in loads)),
        late=units.ns(max(load.late_p99_ns for load in loads)),
        lag=units.ns(max(load.lag_p99_ns for load in loads)),
        client_p99=units.ns(client.quantile_ns(0.99)),
        first_error=next((load.first_error for load in loads if load.first_error), ""),
        streams=_streams([load.streams for load in loads if load.streams is not None]),
    )


def _streams(counts: Sequence[StreamCounts]) -> str:
    if not counts:
        return ""
    asked, allowed = counts[0].asked, min(one.allowed for one in counts)
    return in_flight_text(StreamCounts(asked, allowed, max(one.most for one in counts)))


def completeness_section(done: Completeness | None, arms: Arms = ()) -> CompletenessText | None:
    """The identity with its numbers, and the count of the load driver; None without a probe."""
    if done is None:
        return None
    parts = [
        (done.recorded, "recorded"),
        (done.filtered, "filtered (warm-up)"),
        (done.no_response, "without a response"),
        (done.pending, "pending"),
        (done.dropped, "dropped"),
    ]
    total = " + ".join(f"{units.count(number)} {name}" for number, name in parts)
    driver = "not counted by the load command"
    if done.responded_by_driver is not None:
        driver = (
            f"{units.count(done.responded_by_driver)} responses; "
            f"largest difference in one run {units.share(done.mismatch)}"
        )
    if any(run.load.streams is not None for _, runs in arms for run in runs):
        return _by_driver(done, total)
    overlap = done.overlapped / done.recorded if done.recorded else 0.0
    return CompletenessText(
        balance=f"{units.count(done.seen)} seen = {total}",
        balanced=done.balanced,
        missed=units.count(done.missed),
        overlapped=f"{units.count(done.overlapped)} ({units.share(overlap)})",
        driver=driver,
        beside=_beside(done),
        join=join_text([(arm, r.join) for arm, runs in arms for r in runs if r.join is not None]),
    )


def _by_driver(done: Completeness, total: str) -> CompletenessText:
    """Nothing was counted by the kernel, and nothing is said in its name."""
    return CompletenessText(
        balance=f"{units.count(done.seen)} sent by the load driver = {total}",
        balanced=done.balanced,
        missed=units.count(done.missed),
        overlapped="not known: the kernel cannot tell requests of one connection apart",
        driver=f"{units.count(done.responded_by_driver or 0)} responses; the kernel saw all of its "
        "connections",
    )


def _beside(done: Completeness) -> str:
    """Exchanges in the services' namespaces that are not theirs."""
    parts = [
        (done.internal, "on other ports of the namespace (stage internal)"),
        (done.local, "asked for from inside, such as a health check"),
    ]
    return ", ".join(f"{units.count(number)} {what}" for number, what in parts if number)
