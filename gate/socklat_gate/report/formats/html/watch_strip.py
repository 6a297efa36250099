"""The watch over time: a strip for each replica, with its stops as marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.pair import ARMS
from socklat_gate.report.replica_rows import ReplicaStop, StoppedReplica
from socklat_gate.wording import units

__all__ = ["ROW", "StripMark", "StripPanel", "StripRow", "WatchStrip", "watch_strip"]

ROW = 12
"""Height of a replica's strip in pixels."""
MAX_MARKS = 100
"""Of a replica; more would be one block."""
MAX_TICKS = 8
LAST = 0.93
"""Of the length; a time that is written further to the right has no room."""
STEPS_S = (5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200)


@dataclass(frozen=True, slots=True)
class StripMark:
    """One stop, ``at`` in percent of the drawing's width; ``shared``: both arms stopped then."""

    at: float
    shared: bool
    text: str


@dataclass(frozen=True, slots=True)
class StripRow:
    """One replica: percent of the width at which it was started, was watched from, and ended."""

    number: int
    started: float
    watched: float
    ended: float
    marks: tuple[StripMark, ...]


@dataclass(frozen=True, slots=True)
class StripPanel:
    """The replicas of one arm."""

    arm: str
    rows: tuple[StripRow, ...]

    @property
    def height(self) -> int:
        """In pixels."""
        return ROW * len(self.rows)


@dataclass(frozen=True, slots=True)
class WatchStrip:
    """Panels of one width; ``ticks`` are percent of it with the time since the first start.

    ``unmarked`` stops are too many to be drawn.
    """

    panels: tuple[StripPanel, ...]
    ticks: tuple[tuple[float, str], ...]
    unmarked: int


def watch_strip(replicas: Sequence[StoppedReplica]) -> WatchStrip | None:
    """None where there were no replicas, or none lived for a moment."""
    begin_ns = min((one.replica.started_ns for one in replicas), default=0)
    length_ns = max((one.replica.to_ns for one in replicas), default=0) - begin_ns
    if length_ns <= 0:
        return None

    def along(at_ns: int) -> float:
        return round(min(100.0, max(0.0, 100 * (at_ns - begin_ns) / length_ns)), 2)

    panels = []
    for arm in ARMS:
        rows = tuple(
            StripRow(
                number=one.replica.number,
                started=along(one.replica.started_ns),
                watched=along(one.replica.from_ns),
                ended=along(one.replica.to_ns),
                marks=tuple(
                    StripMark(along(stop.at_ns), stop.shared, _text(one, stop))
                    for stop in one.stops[:MAX_MARKS]
                ),
            )
            for one in replicas
            if one.replica.arm == arm
        )
        if rows:
            panels.append(StripPanel(arm, rows))
    unmarked = sum(max(0, len(one.stops) - MAX_MARKS) for one in replicas)
    return WatchStrip(tuple(panels), tuple(_ticks(length_ns / 1e9)), unmarked)


def _text(one: StoppedReplica, stop: ReplicaStop) -> str:
    where = f", most of it in {stop.stage}" if stop.stage else ""
    did = f", {stop.mechanism}" if stop.mechanism else ""
    both = "; both arms stopped, so it counts for neither" if stop.shared else ""
    what = "no exchange for" if stop.silent else "an exchange of"
    return (
        f"{one.replica.arm} {one.replica.number}, at an age of {one.age_s(stop.at_ns):.1f} s: "
        f"{what} {units.ns(stop.length_ns)}{where}{did}{both}"
    )


def _ticks(length_s: float) -> list[tuple[float, str]]:
    """Round times, so few that they have room."""
    step = next((step for step in STEPS_S if length_s / step <= MAX_TICKS), None)
    if step is None:
        return [(0.0, "0"), (100.0, units.duration_s(length_s))]
    times = range(0, int(LAST * length_s) + 1, step)
    return [(round(100 * at / length_s, 2), _time(at, step)) for at in times]


def _time(at_s: int, step_s: int) -> str:
    return f"{at_s // 60} min" if step_s % 60 == 0 else f"{at_s} s"
