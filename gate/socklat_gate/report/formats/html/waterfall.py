"""Where an exchange spends its time, stage after stage, and what carries a change: in percent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from socklat_gate.measured.attribution import Attribution
from socklat_gate.measured.run import Bands, Run
from socklat_gate.report.arm_runs import Arms
from socklat_gate.verdict.band_means import slice_means_ns
from socklat_gate.wording import units

__all__ = ["Waterfall", "WaterfallBar", "WaterfallRow", "share_bars", "waterfalls"]

SLICES = (("p50", 0.45, 0.55), ("p99", 0.985, 0.995))
"""Title and the ranks of the exchanges that stand for a quantile."""

SEQUENCE = ("recv_wait", "app", "respond", "deliver")
"""Stages that follow each other; `recv_wait` and `app` add up to service, exchange by exchange."""

MARGIN = 1.15
"""The axis ends this far beyond the response's last byte: acknowledgements may take far longer."""


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
    """One quantile; ``service`` says how long its exchanges took, by arm."""

    title: str
    service: tuple[tuple[str, str], ...]
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
    stages = [s for s in SEQUENCE if all(s in one.stages for runs in chosen for one in runs)]
    if stages[:2] != list(SEQUENCE[:2]):
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
    names = ["service", *stages]
    means = np.array(
        [
            np.mean([slice_means_ns(one, names, low, high) for one in runs], axis=0)
            for runs in chosen
        ]
    )
    begins = np.cumsum(means[:, 1:], axis=1) - means[:, 1:]
    responded = [s for s in stages if s != "deliver"]
    end_ns = max(1.0, MARGIN * float(means[:, 1 : 1 + len(responded)].sum(axis=1).max()))
    rows = []
    for at, stage in enumerate(stages):
        bars = tuple(
            _bar(label, begins[arm, at], means[arm, 1 + at], end_ns)
            for arm, label in enumerate(labels)
        )
        delta_ns = float(means[-1, 1 + at] - means[0, 1 + at])
        rows.append(WaterfallRow(stage, bars, units.ns_change(delta_ns) if labels[1:] else ""))
    service = tuple(
        (label, units.ns(float(mean))) for label, mean in zip(labels, means[:, 0], strict=True)
    )
    return Waterfall(title, service, tuple(rows), units.ns(end_ns), corrected)


def _bar(label: str, begin_ns: float, length_ns: float, end_ns: float) -> WaterfallBar:
    begin = min(100.0, 100 * begin_ns / end_ns)
    width = 100 * length_ns / end_ns
    cut = begin + width > 100
    return WaterfallBar(
        label, round(begin, 2), round(min(width, 100 - begin), 2), cut, units.ns(float(length_ns))
    )
