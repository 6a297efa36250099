"""The slowest exchanges of each arm, and how many there were, as text."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.run import Run, Spike
from socklat_gate.measured.run_values import by_driver_clock
from socklat_gate.report.arm_runs import Arms
from socklat_gate.wording import units

__all__ = ["SLOWEST", "ArmSlowest", "Slowest", "SpikeRow", "slowest_section"]

SLOWEST = 10


@dataclass(frozen=True, slots=True)
class SpikeRow:
    """One slow exchange; ``at`` counts from the start of its run's measured window."""

    run: str
    at: str
    response: str
    stage: str
    share: str
    peer: str
    remark: str


@dataclass(frozen=True, slots=True)
class ArmSlowest:
    """The slowest exchanges of one arm and how many there were.

    ``whole`` is the stage that their times are of; only ``response`` has parts.
    """

    arm: str
    summary: str
    rows: tuple[SpikeRow, ...]
    whole: str = "response"

    @property
    def have_parts(self) -> bool:
        """Whether it can be known where the time of an exchange went."""
        return self.whole == "response"


@dataclass(frozen=True, slots=True)
class Slowest:
    """Every arm whose runs had a threshold."""

    arms: tuple[ArmSlowest, ...]


def slowest_section(arms: Arms, numbers: Sequence[int]) -> Slowest | None:
    """None when no run had a threshold; ``numbers`` are those of the runs, of each arm alike."""
    found = (_of_arm(arm, runs, numbers) for arm, runs in arms if runs)
    known = tuple(one for one in found if one is not None)
    return Slowest(known) if known else None


def _of_arm(arm: str, runs: Sequence[Run], numbers: Sequence[int]) -> ArmSlowest | None:
    """The threshold comes from each run's own warm-up; None where none was set."""
    thresholds = sorted(run.spike_threshold_ns for run in runs if run.spike_threshold_ns)
    if not thresholds:
        return None
    total = sum(run.counters.get("spikes", 0) for run in runs)
    numbered = zip(numbers, runs, strict=True)
    recorded = [(spike, number, run) for number, run in numbered for spike in run.spikes]
    lowest, highest = units.ns(thresholds[0]), units.ns(thresholds[-1])
    bounds = lowest if lowest == highest else f"{lowest} to {highest}, by run"
    slowest = heapq.nlargest(SLOWEST, recorded, key=lambda one: one[0].length_ns)
    of = f"; the slowest {len(slowest)} of {units.count(len(recorded))} recorded are listed"
    summary = (
        f"{units.count(total)} slow exchanges, at or above the threshold ({bounds})"
        f"{of if recorded else ''}"
    )
    rows = tuple(_row(*one) for one in slowest)
    return ArmSlowest(arm, summary, rows, CLIENT if any(map(by_driver_clock, runs)) else "response")


def _row(spike: Spike, number: int, run: Run) -> SpikeRow:
    length_ns = spike.length_ns
    stage, part_ns = max(spike.parts_ns.items(), key=lambda part: part[1])
    after_s = (spike.rx_first_ns - run.window_from_ns) / 1e9
    return SpikeRow(
        run=str(number),
        at=f"{after_s:.3f} s" if run.window_from_ns else units.NOT_AVAILABLE,
        response=units.ns(length_ns),
        stage=stage if part_ns else "",
        share=units.share(part_ns / length_ns) if length_ns and part_ns else "",
        peer=spike.peer,
        remark=", ".join(_remarks(spike)),
    )


def _remarks(spike: Spike) -> Iterator[str]:
    if spike.shared:
        yield "in both arms at once"
    if spike.overlapped:
        yield "overlapped"
