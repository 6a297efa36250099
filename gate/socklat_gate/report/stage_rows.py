"""Every stage of every arm, and the other containers of a stack, as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.names import CLIENT, Stage
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import by_driver_clock
from socklat_gate.report.arm_runs import Arms
from socklat_gate.wording import units
from socklat_gate.wording.stream_text import streams_text

__all__ = [
    "Companions",
    "StageRow",
    "Stages",
    "companions_section",
    "stages_not_measured",
    "stages_section",
    "why_not_measured",
]


INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class StageRow:
    """One measured stage, or container; ``cells`` has p50, p90 and p99 of each arm."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stages:
    """All stages; ``stalls_included`` where other numbers of the report are corrected."""

    arms: tuple[str, ...]
    rows: tuple[StageRow, ...]
    not_seen: tuple[str, ...]
    not_measured: tuple[str, ...]
    stalls_included: bool
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Companions:
    """The response time of the stack's other containers, as measured at each of them."""

    arms: tuple[str, ...]
    rows: tuple[StageRow, ...]


def stages_section(arms: Arms, *, stalls_included: bool = False) -> Stages | None:
    """None when there is no run."""
    arms = [(arm, runs) for arm, runs in arms if runs]
    runs = [run for _, of_arm in arms for run in of_arm]
    if not runs:
        return None
    measured = _in_order(stage for run in runs for stage in run.histograms)
    seen = [s for s in measured if any(r.histograms[s].total for r in runs if s in r.histograms)]
    return Stages(
        arms=tuple(arm for arm, _ in arms),
        rows=tuple(row for stage in seen for row in _rows(stage, arms)),
        not_seen=tuple(stage for stage in measured if stage not in seen),
        not_measured=stages_not_measured(runs),
        stalls_included=stalls_included,
        why_not=why_not_measured(runs),
    )


def _rows(stage: str, arms: Arms) -> list[StageRow]:
    """One, or for what is kept by port one a port."""
    ports = {port for _, runs in arms for run in runs for port in run.internal}
    if stage == INTERNAL and ports:
        of_arms = [[run.internal for run in runs] for _, runs in arms]
        numbered = sorted(ports, key=lambda port: (len(port), port))
        return [_row(port, of_arms, f"{stage}, port {port}") for port in numbered]
    return [_row(stage, [[run.histograms for run in runs] for _, runs in arms])]


def companions_section(arms: Arms) -> Companions | None:
    """None when there are none."""
    arms = [(arm, runs) for arm, runs in arms if runs]
    of_arms = [[run.companions for run in runs] for _, runs in arms]
    names = sorted({name for of_arm in of_arms for one in of_arm for name in one})
    rows = tuple(_row(name, of_arms) for name in names)
    return Companions(tuple(arm for arm, _ in arms), rows) if rows else None


def stages_not_measured(runs: Sequence[Run]) -> tuple[str, ...]:
    """Known stages that no run has; `why_not_measured` is a reason that is the load's."""
    measured = {stage for run in runs for stage in run.histograms}
    if not any(map(by_driver_clock, runs)):
        measured.add(CLIENT)  # nothing is missing without it
    return tuple(stage for stage in get_args(Stage) if stage not in measured)


def why_not_measured(runs: Sequence[Run]) -> str:
    """Why the kernel's stages of an exchange are not there, as a sentence; "" where they are."""
    asked = [run.load.streams.asked for run in runs if run.load.streams is not None]
    return f"those of an exchange, since {streams_text(max(asked))}" if asked else ""


def _in_order(stages: Iterable[str]) -> list[str]:
    """Each once: those known in the order in which they are defined, then others."""
    found = dict.fromkeys(stages)
    known = [stage for stage in get_args(Stage) if stage in found]
    return [*known, *(stage for stage in found if stage not in known)]


def _row(
    name: str, of_arms: Sequence[Sequence[Mapping[str, Histogram]]], title: str = ""
) -> StageRow:
    """p50, p90 and p99 of each arm."""
    cells: list[str] = []
    for of_arm in of_arms:
        merged = Histogram.merged(one[name] for one in of_arm if name in one)
        cells += map(units.ns, merged.quantiles_ns([0.5, 0.9, 0.99]))
    return StageRow(title or name, tuple(cells))
