"""Every stage of every arm, the slowest exchanges, and what the kernel counted, as text."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Run, Spike
from socklat_gate.measured.verdict import COMPONENTS
from socklat_gate.scenario.gating import Stage
from socklat_gate.wording import units

__all__ = ["ArmRuns", "CountRow", "SpikeRow", "SpikeView", "StageRow", "StagesView", "stages_view"]

SLOWEST = 10
MAX_COUNTS = 100

ArmRuns = Sequence[tuple[str, Sequence[Run]]]
"""Label and runs of each arm."""


@dataclass(frozen=True, slots=True)
class StageRow:
    """One measured stage; ``cells`` has p50, p90 and p99 of each arm."""

    stage: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpikeRow:
    """One slow exchange; ``at`` counts from the start of its run's measured window."""

    run: str
    at: str
    service: str
    stage: str
    share: str
    peer: str
    remark: str


@dataclass(frozen=True, slots=True)
class SpikeView:
    """The slowest exchanges of one arm and how many there were."""

    arm: str
    summary: str
    rows: tuple[SpikeRow, ...]


@dataclass(frozen=True, slots=True)
class CountRow:
    """A counter that is not zero, with one number an arm."""

    name: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StagesView:
    """All of it; empty tuples where there is nothing to show."""

    arms: tuple[str, ...]
    rows: tuple[StageRow, ...]
    not_seen: tuple[str, ...]
    not_measured: tuple[str, ...]
    companions: tuple[StageRow, ...]
    spikes: tuple[SpikeView, ...]
    network: tuple[CountRow, ...]
    drops: tuple[CountRow, ...]


def stages_view(arms: ArmRuns, numbers: Sequence[int]) -> StagesView:
    """What the runs of each arm hold besides the verdict's metrics.

    ``numbers`` are the runs' own, of each arm alike: those of their pairs.
    """
    arms = [(arm, runs) for arm, runs in arms if runs]
    runs = [run for _, of_arm in arms for run in of_arm]
    measured = _in_order(stage for run in runs for stage in run.histograms)
    seen = [s for s in measured if any(r.histograms[s].total for r in runs if s in r.histograms)]
    return StagesView(
        arms=tuple(arm for arm, _ in arms),
        rows=tuple(_stage_row(stage, arms) for stage in seen),
        not_seen=tuple(stage for stage in measured if stage not in seen),
        not_measured=tuple(s for s in get_args(Stage) if s not in measured) if runs else (),
        companions=_companion_rows(arms),
        spikes=tuple(
            view for arm, of_arm in arms if (view := _spike_view(arm, of_arm, numbers)).summary
        ),
        network=_count_rows([_sums(r.network for r in of_arm) for _, of_arm in arms]),
        drops=_count_rows([_sums(r.drops for r in of_arm) for _, of_arm in arms]),
    )


def _in_order(stages: Iterable[str]) -> list[str]:
    """Each once: those known in the order in which they are defined, then others."""
    found = dict.fromkeys(stages)
    known = [stage for stage in get_args(Stage) if stage in found]
    return [*known, *(stage for stage in found if stage not in known)]


def _stage_row(stage: str, arms: ArmRuns) -> StageRow:
    return StageRow(stage, _cells(stage, [[run.histograms for run in runs] for _, runs in arms]))


def _companion_rows(arms: ArmRuns) -> tuple[StageRow, ...]:
    """The service time of the stack's other containers, as measured at each of them."""
    of_arms = [[run.companions for run in runs] for _, runs in arms]
    names = sorted({name for of_arm in of_arms for one in of_arm for name in one})
    return tuple(StageRow(name, _cells(name, of_arms)) for name in names)


def _cells(name: str, of_arms: Sequence[Sequence[Mapping[str, Histogram]]]) -> tuple[str, ...]:
    """p50, p90 and p99 of each arm."""
    cells: list[str] = []
    for of_arm in of_arms:
        merged = Histogram.merged(one[name] for one in of_arm if name in one)
        cells += map(units.ns, merged.quantiles_ns([0.5, 0.9, 0.99]))
    return tuple(cells)


def _spike_view(arm: str, runs: Sequence[Run], numbers: Sequence[int]) -> SpikeView:
    """The threshold comes from each run's own warm-up; an empty summary where none was set."""
    thresholds = sorted(run.spike_threshold_ns for run in runs if run.spike_threshold_ns)
    if not thresholds:
        return SpikeView(arm, "", ())
    total = sum(run.counters.get("spikes", 0) for run in runs)
    numbered = zip(numbers, runs, strict=True)
    told = [(spike, number, run) for number, run in numbered for spike in run.spikes]
    lowest, highest = units.ns(thresholds[0]), units.ns(thresholds[-1])
    bounds = lowest if lowest == highest else f"{lowest} to {highest}, by run"
    slowest = heapq.nlargest(SLOWEST, told, key=lambda one: _service_ns(one[0]))
    of = f"; the slowest {len(slowest)} of {units.count(len(told))} sent up" if told else ""
    summary = f"{units.count(total)} exchanges at or above the threshold ({bounds}){of}"
    return SpikeView(arm, summary, tuple(_spike_row(*one) for one in slowest))


def _spike_row(spike: Spike, number: int, run: Run) -> SpikeRow:
    service_ns = _service_ns(spike)
    stage = max(COMPONENTS, key=lambda part: spike.stages_ns.get(part, 0))
    part_ns = spike.stages_ns.get(stage, 0)
    after_s = (spike.rx_first_ns - run.window_from_ns) / 1e9
    return SpikeRow(
        run=str(number),
        at=f"{after_s:.3f} s" if run.window_from_ns else units.NOT_AVAILABLE,
        service=units.ns(service_ns),
        stage=stage if part_ns else "",
        share=units.share(part_ns / service_ns) if service_ns and part_ns else "",
        peer=spike.peer,
        remark=", ".join(_remarks(spike)),
    )


def _remarks(spike: Spike) -> Iterator[str]:
    if spike.shared:
        yield "in both arms at once"
    if spike.overlapped:
        yield "overlapped"


def _service_ns(spike: Spike) -> int:
    return spike.stages_ns.get("service", 0)


def _sums(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return total


def _count_rows(arms: Sequence[Counter[str]]) -> tuple[CountRow, ...]:
    """Counters that are not zero in some arm, most frequent first."""

    def rows() -> Iterator[tuple[int, CountRow]]:
        for name in dict.fromkeys(name for arm in arms for name in arm):
            numbers = [arm[name] for arm in arms]
            if any(numbers):
                yield max(numbers), CountRow(name, tuple(map(units.count, numbers)))

    found = sorted(rows(), key=lambda row: -row[0])
    return tuple(row for _, row in found[:MAX_COUNTS])
