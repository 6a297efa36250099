"""A `Look` for people (rich tables) and for machines (one JSON object)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gate.campaign import Spike
from gate.histogram import Histogram
from gate.report.units import count, ns
from gate.trace.live import Look
from gate.trace.target import Target

__all__ = ["as_json", "as_tables"]

_SHOWN = ("connections", "retransmits", "resets_sent", "resets_received", "unanswered")
_LOST = ("dropped_map_full", "overlapped", "clamped_clock", "clamped_range")
_SPIKE_STAGES = ("service", "recv_wait", "app", "respond", "send_wait", "deliver")


def as_tables(target: Target, look: Look, *, final: bool = False) -> RenderableType:
    """The live view; ``final`` leaves the columns of the last interval out."""
    seconds = f"{look.elapsed_s:.0f} s"
    rate = look.recent_counters["seen"] / max(look.interval_s, 1e-9)
    now = "" if final else f", {rate:,.0f} exchanges/s now"
    title = f"[bold]{escape(target.label)}[/]  {seconds}, {count(look.counters['seen'])} exchanges"
    parts: list[RenderableType] = [Text.from_markup(title + now), _stages(look, final=final)]
    counters = [f"{name} {count(look.counters[name])}" for name in _SHOWN]
    counters += [f"[red]{name} {look.counters[name]}[/]" for name in _LOST if look.counters[name]]
    if look.missed:
        counters.append(f"[red]missed {look.missed}[/]")
    parts.append(Text.from_markup("  ".join(counters)))
    if look.slowest:
        parts.append(_slowest(look.slowest))
    return Group(*parts)


def as_json(target: Target, look: Look) -> dict[str, Any]:
    """One line of ``--json``: quantiles in ns, null where nothing happened."""
    return {
        "schema_version": 1,
        "target": {"label": target.label, "id": target.id, "image": target.image},
        "elapsed_s": round(look.elapsed_s, 3),
        "interval_s": round(look.interval_s, 3),
        "recent": {stage: _quantiles(h) for stage, h in look.recent.items()},
        "total": {stage: _quantiles(h) for stage, h in look.total.items()},
        "counters": dict(look.counters),
        "missed": look.missed,
        "slowest": [
            {"stages_ns": dict(s.stages_ns), "peer": s.peer, "rx_first_ns": s.rx_first_ns}
            for s in look.slowest
        ],
    }


def _stages(look: Look, *, final: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage")
    groups: list[Mapping[str, Histogram]] = [look.total] if final else [look.recent, look.total]
    for group in ("in all",) if final else ("now", "in all"):
        for name in ("n", "p50", "p99", "max"):
            table.add_column(f"{name} {group}", justify="right", no_wrap=True)
    for stage in look.total:
        cells = [cell for histograms in groups for cell in _cells(histograms[stage])]
        table.add_row(stage, *cells)
    return table


def _cells(histogram: Histogram) -> list[str]:
    if not histogram.total:
        return ["0", "-", "-", "-"]
    p50, p99 = histogram.quantiles_ns([0.5, 0.99])
    return [count(histogram.total), ns(p50), ns(p99), ns(histogram.max_ns())]


def _slowest(spikes: tuple[Spike, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title="slowest exchanges")
    for stage in _SPIKE_STAGES:
        table.add_column(stage, justify="right", no_wrap=True)
    table.add_column("peer", no_wrap=True)
    for spike in spikes:
        table.add_row(*(ns(spike.stages_ns[stage]) for stage in _SPIKE_STAGES), spike.peer)
    return table


def _quantiles(histogram: Histogram) -> dict[str, float | int | None]:
    p50, p90, p99, p999 = histogram.quantiles_ns([0.5, 0.9, 0.99, 0.999])
    named = {"p50_ns": p50, "p90_ns": p90, "p99_ns": p99, "p999_ns": p999}
    known = {k: None if math.isnan(v) else round(float(v)) for k, v in named.items()}
    return {"count": histogram.total, **known, "max_ns": histogram.max_ns() or None}
