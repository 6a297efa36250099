"""What a container has one number of, measured in every job: its time to start and its memory."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from socklat_gate.measured.names import MEMORY, OF_CONTAINER, STARTUP
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import container_value
from socklat_gate.report.arm_runs import ShownRuns
from socklat_gate.wording import units
from socklat_gate.wording.container_metrics import value_text

__all__ = [
    "ContainerNumbers",
    "ContainerRow",
    "ContainersText",
    "container_notes",
    "container_numbers",
    "containers_section",
]

SHOWN = {STARTUP: "start-up", MEMORY: "peak memory"}
MUCH = 0.5
LEAST = {STARTUP: 1e9, MEMORY: 32 * 1024 * 1024}
"""A change of that share, and of that many ns or bytes, is worth a line where nobody judges it."""


@dataclass(frozen=True, slots=True)
class ContainerNumbers:
    """Medians over the runs in use, by arm (NaN: not known), in ns or, of ``memory``, in bytes.

    ``change`` is the median of the pairs' ratios minus 1, NaN without a pair that has both.
    """

    name: str
    stage: str
    arms: tuple[tuple[str, float], ...]
    change: float


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """One number of each arm, and its change."""

    name: str
    numbers: tuple[str, ...]
    change: str


@dataclass(frozen=True, slots=True)
class ContainersText:
    """``paired``: the arms were measured in pairs, so that rows have changes."""

    arms: tuple[str, ...]
    rows: tuple[ContainerRow, ...]
    paired: bool


def container_numbers(runs: ShownRuns) -> Iterator[ContainerNumbers]:
    """Start-up time and peak memory, each where some run knows it."""
    for stage in SHOWN:
        arms = tuple((arm, _median(_known(of_arm, stage))) for arm, of_arm in runs.arms)
        if all(math.isnan(value) for _, value in arms):
            continue
        yield ContainerNumbers(OF_CONTAINER[stage], stage, arms, _change(runs, stage))


def containers_section(runs: ShownRuns) -> ContainersText | None:
    """None where nothing is known of any arm."""
    rows = tuple(
        ContainerRow(
            SHOWN[one.stage],
            tuple(value_text(value, one.stage) for _, value in one.arms),
            units.change(one.change),
        )
        for one in container_numbers(runs)
    )
    return ContainersText(runs.labels, rows, len(runs.labels) > 1) if rows else None


def container_notes(runs: ShownRuns, judged: Collection[str]) -> Iterator[str]:
    """What a candidate has far more of, though no metric of those names is judged."""
    for one in container_numbers(runs):
        values = [value for _, value in one.arms]
        more = values[-1] - values[0]
        if one.name not in judged and one.change >= MUCH and more >= LEAST[one.stage]:
            first, last = (value_text(value, one.stage) for value in (values[0], values[-1]))
            yield (
                f"not judged: {SHOWN[one.stage]} {units.change(one.change)}, {first} in the "
                f"baseline and {last} in the candidate (a metric in gate.metrics with stage = "
                f'"{one.stage}" judges it)'
            )


def _known(runs: Sequence[Run], stage: str) -> list[float]:
    values = (container_value(run, stage) for run in runs)
    return [value for value in values if math.isfinite(value)]


def _change(runs: ShownRuns, stage: str) -> float:
    pairs = zip(*(of_arm for _, of_arm in runs.arms), strict=True)
    values = ([container_value(run, stage) for run in pair] for pair in pairs)
    ratios = [pair[-1] / pair[0] for pair in values if len(pair) > 1]
    return _median([ratio for ratio in ratios if math.isfinite(ratio)]) - 1.0


def _median(values: Sequence[float]) -> float:
    return median(values) if values else math.nan
