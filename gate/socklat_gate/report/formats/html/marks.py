"""Slow exchanges as marks on the heat map: when in the run, how slow, in which stage."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from socklat_gate.measured.run import Run, Spike
from socklat_gate.report.arm_runs import Column
from socklat_gate.wording import units

__all__ = ["MAX_MARKS", "Mark", "marks_of"]

MAX_MARKS = 400
"""The slowest of an arm; more would hide the map below them."""
PARTS = ("recv_wait", "app")


@dataclass(frozen=True, slots=True)
class Mark:
    """One spike: ``at`` in columns from the left, ``top`` in pixels, and its text."""

    at: float
    top: float
    column: int
    rare: bool
    text: str


def marks_of(
    arm: int, columns: Sequence[Column], place: Callable[[float], float], rare_ns: float
) -> tuple[tuple[Mark, ...], int]:
    """The slowest spikes of an arm, and how many more there are."""
    spikes = [
        (spike.length_ns, at, spike)
        for at, column in enumerate(columns)
        for spike in column.runs[arm].spikes
    ]
    slowest = heapq.nlargest(MAX_MARKS, spikes, key=lambda one: one[0])
    marks = tuple(
        _mark(at, columns[at].runs[arm], spike, length_ns, place, rare=length_ns >= rare_ns)
        for length_ns, at, spike in slowest
    )
    return marks, len(spikes) - len(marks)


def _mark(
    column: int,
    run: Run,
    spike: Spike,
    length_ns: int,
    place: Callable[[float], float],
    *,
    rare: bool,
) -> Mark:
    after_s = (spike.rx_first_ns - run.window_from_ns) / 1e9
    known = bool(run.window_from_ns) and run.duration_s > 0
    along = min(1.0, max(0.0, after_s / run.duration_s)) if known else 0.5
    when = f" at {after_s:.3f} s" if known else ""
    stage = max(PARTS, key=lambda part: spike.stages_ns.get(part, 0))
    where = f", most of it in {stage}" if spike.stages_ns.get(stage, 0) else ""
    text = f"{'rare spike' if rare else 'slow exchange'} of {units.ns(length_ns)}{when}{where}"
    return Mark(round(column + along, 3), place(float(length_ns)), column, rare, text)
