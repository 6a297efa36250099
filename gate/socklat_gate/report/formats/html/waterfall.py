"""Where an exchange spends its time, stage after stage, and what carries a change: in percent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from socklat_gate.measured.attribution import COMPONENTS, Attribution
from socklat_gate.measured.run import Bands, Run
from socklat_gate.report.arm_runs import Arms
from socklat_gate.verdict.band_means import slice_means_ns
from socklat_gate.wording import units

__all__ = ["Waterfall", "WaterfallBar", "WaterfallRow", "share_bars", "waterfalls"]

SLICES = (("p50", 0.45, 0.55), ("p99", 0.985, 0.995))
"""Title and the ranks of the exchanges that stand for a quantile."""

SEQUENCE = COMPONENTS
"""Stages that follow each other and add up to the whole response, exchange by exchange."""


@dataclass(frozen=True, slots=True)
class WaterfallBar:
    """One arm's part of a row: begin and width in percent of the axis; ``cut`` ends beyond it."""

    arm: str
    begin: float
    width: float
    cut: bool
    value: str


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """One stage; ``change`` from the first arm to the last, empty with one arm."""

    stage: str
    bars: tuple[WaterfallBar, ...]
    change: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One quantile; ``whole`` says how long its exchanges took, by arm, in ``whole_stage``."""

    title: str
    whole_stage: str
    whole: tuple[tuple[str, str], ...]
    rows: tuple[WaterfallRow, ...]
    axis: str
    corrected: bool


def waterfalls(arms: Arms) -> tuple[Waterfall, ...]:
    """One for each of `SLICES`; means over the runs, each run counting alike."""
    if not arms:
        return ()
    chosen, corrected = _bands(arms)
    if not all(chosen) or not any(one.count.any() for runs in chosen for one in runs):
        return ()
    known = {stage for runs in chosen for one in runs for stage in one.stages}
    for runs in chosen:
        for one in runs:
            known &= {*one.stages}
    # Runs measured before there was ``response`` have ``respond`` as something else.
    stages = [s for s in SEQUENCE if s != "respond" or "response" in known]
    if not known.issuperset(stages):
        return ()
    labels = [label for label, _ in arms]
    return tuple(_waterfall(*one, labels, chosen, stages, corrected) for one in SLICES)


def share_bars(attribution: Sequence[Attribution]) -> dict[tuple[str, str], float]:
    """Width of the bar of every stage of every slice, by both names, in percent."""
    return {
        (part.slice, share.stage): 100 * min(1.0, max(0.0, share.share))
        if math.isfinite(share.share)
        else 0.0
        for part in attribution
        for share in part.shares
    }


def _bands(arms: Arms) -> tuple[list[list[Bands]], bool]:
    """Bands of all runs with exchanges: corrected ones if every run has them, else the raw ones."""
    runs = [run for _, of_arm in arms for run in of_arm]
    corrected = all(run.corrected and run.corrected.bands.count.any() for run in runs)

    def of(run: Run) -> Bands:
        return run.corrected.bands if corrected and run.corrected else run.bands

    found = [[bands for run in of_arm if (bands := of(run)).count.any()] for _, of_arm in arms]
    return found, corrected


def _waterfall(
    title: str,
    low: float,
    high: float,
    labels: Sequence[str],
    chosen: Sequence[Sequence[Bands]],
    stages: Sequence[str],
    corrected: bool,
) -> Waterfall:
    # shape (arms, 1 + stages)
    whole_stage = "response" if stages == list(SEQUENCE) else "service"
    names = [whole_stage, *stages]
    means = np.array(
        [
            np.mean([slice_means_ns(one, names, low, high) for one in runs], axis=0)
            for runs in chosen
        ]
    )
    begins = np.cumsum(means[:, 1:], axis=1) - means[:, 1:]
    end_ns = max(1.0, float(means[:, 1:].sum(axis=1).max()))
    rows = []
    for at, stage in enumerate(stages):
        bars = tuple(
            _bar(label, begins[arm, at], means[arm, 1 + at], end_ns)
            for arm, label in enumerate(labels)
        )
        delta_ns = float(means[-1, 1 + at] - means[0, 1 + at])
        rows.append(WaterfallRow(stage, bars, units.ns_change(delta_ns) if labels[1:] else ""))
    whole = tuple(
        (label, units.ns(float(mean))) for label, mean in zip(labels, means[:, 0], strict=True)
    )
    return Waterfall(title, whole_stage, whole, tuple(rows), units.ns(end_ns), corrected)


def _bar(label: str, begin_ns: float, length_ns: float, end_ns: float) -> WaterfallBar:
    begin = min(100.0, 100 * begin_ns / end_ns)
    width = 100 * length_ns / end_ns
    cut = begin + width > 100
    return WaterfallBar(
        label, round(begin, 2), round(min(width, 100 - begin), 2), cut, units.ns(float(length_ns))
    )
