"""What the page draws of named requests: coarser curves of fewer stages, bars, attribution."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from socklat_gate.measured.attribution import COMPONENTS
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.verdict import Verdict
from socklat_gate.report.arm_runs import Arms
from socklat_gate.report.formats.html.curves import CurveSet, Drawn, stage_curves
from socklat_gate.report.formats.html.waterfall import Waterfall, share_bars, waterfalls
from socklat_gate.report.request_parts import request_arms
from socklat_gate.report.request_ranks import RankedRequest
from socklat_gate.report.slices import Slice, request_slices

__all__ = ["MAX_DRAWN", "RequestDrawing", "request_curves", "request_drawings"]

MAX_DRAWN = 40
"""Names that are drawn, the worst first: each is about 8 kB of the page."""
STAGES = ("response", CLIENT, *COMPONENTS)
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

    Without stalls where every run has such numbers, else with them; only those that are ``listed``
    have the bands of single runs.
    """
    return tuple(
        found
        for one in ranked[:MAX_DRAWN]
        for stage in STAGES
        for found in _first(arms, one.name, stage, bands=one.name in listed)
    )


def request_drawings(
    arms: Arms, verdict: Verdict | None, ranked: Sequence[RankedRequest]
) -> tuple[RequestDrawing, ...]:
    """Of the first `MAX_DRAWN` names that there is something of."""
    return tuple(_drawings(arms, verdict, ranked[:MAX_DRAWN]))


def _first(arms: Arms, name: str, stage: str, *, bands: bool) -> tuple[CurveSet, ...]:
    drawn = Drawn(request=name, step=STEP, bands=bands)
    return tuple(stage_curves(request_arms(arms, name), stage, drawn))[:1]


def _drawings(
    arms: Arms, verdict: Verdict | None, ranked: Sequence[RankedRequest]
) -> Iterator[RequestDrawing]:
    for one in ranked:
        falls = waterfalls(request_arms(arms, one.name))
        attribution = [p for p in verdict.attribution if p.request == one.name] if verdict else []
        if falls or attribution:
            yield RequestDrawing(
                one.name, falls, request_slices(attribution), share_bars(attribution)
            )
