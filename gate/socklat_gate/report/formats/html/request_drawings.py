"""What the page draws of named requests: coarser curves of fewer stages, bars, attribution."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from socklat_gate.measured.attribution import COMPONENTS
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import Verdict
from socklat_gate.report.arm_runs import Arms
from socklat_gate.report.formats.html.curves import CurveSet, drawn_set
from socklat_gate.report.formats.html.waterfall import (
    Waterfall,
    request_waterfalls,
    share_bars,
)
from socklat_gate.report.request_ranks import RankedRequest
from socklat_gate.report.slices import Slice, request_slices

__all__ = ["MAX_DRAWN", "RequestDrawing", "request_curves", "request_drawings"]

MAX_DRAWN = 40
"""Names that are drawn, the worst first: each is about 6 kB of the page."""
STAGES = ("response", *COMPONENTS)
STEP = 0.1


@dataclass(frozen=True, slots=True)
class RequestDrawing:
    """Where the time of one request went; ``slices`` are empty where nothing is attributed."""

    name: str
    waterfalls: tuple[Waterfall, ...]
    slices: tuple[Slice, ...]
    bars: dict[tuple[str, str], float]


def request_curves(
    arms: Arms, ranked: Sequence[RankedRequest], listed: Collection[str]
) -> tuple[CurveSet, ...]:
    """`STAGES` of the first `MAX_DRAWN` names that every arm has exchanges of.

    Only those that are ``listed`` have the bands of single runs.
    """
    found = (
        _curves(arms, one.name, stage, bands=one.name in listed)
        for one in ranked[:MAX_DRAWN]
        for stage in STAGES
    )
    return tuple(one for one in found if one is not None)


def request_drawings(
    arms: Arms, verdict: Verdict | None, ranked: Sequence[RankedRequest]
) -> tuple[RequestDrawing, ...]:
    """Of the first `MAX_DRAWN` names that there is something of."""
    return tuple(_drawings(arms, verdict, ranked[:MAX_DRAWN]))


def _drawings(
    arms: Arms, verdict: Verdict | None, ranked: Sequence[RankedRequest]
) -> Iterator[RequestDrawing]:
    for one in ranked:
        falls = request_waterfalls(arms, one.name)
        attribution = [p for p in verdict.attribution if p.request == one.name] if verdict else []
        if falls or attribution:
            yield RequestDrawing(
                one.name, falls, request_slices(attribution), share_bars(attribution)
            )


def _curves(arms: Arms, name: str, stage: str, *, bands: bool) -> CurveSet | None:
    """Without stalls where every run of every arm has such numbers, else with them."""
    for numbers in ("corrected", "raw"):
        found = [_histograms(runs, name, stage, numbers) for _, runs in arms]
        if all(one and sum(total for _, total in one) for one in found):
            return drawn_set(stage, numbers, found, request=name, step=STEP, bands=bands)
    return None


def _histograms(
    runs: Sequence[Run], name: str, stage: str, numbers: str
) -> list[tuple[Histogram, int]]:
    """Distribution and exchanges of each run that has any; none when one was not corrected."""
    parts = [run.requests[name] for run in runs if name in run.requests]
    raw = [part for part in parts if stage in part.histograms and part.histograms[stage].total]
    if numbers == "raw":
        return [(part.histograms[stage], part.histograms[stage].total) for part in raw]
    known = [part.corrected for part in raw if part.corrected]
    usable = [one for one in known if stage in one.used and one.used[stage].total]
    if len(usable) < len(raw):
        return []
    return [(one.histograms[stage], one.used[stage].total) for one in usable]
