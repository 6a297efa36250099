"""A `Look` for people (rich tables) and for machines (one JSON object)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gate.campaign import Spike
from gate.histogram import Histogram
from gate.report.units import count, ns
from gate.scenario import Stage
from gate.trace.live import Look
from gate.trace.target import Target

__all__ = ["as_json", "as_tables"]

_SHOWN = ("connections", "retransmits", "resets_sent", "resets_received", "unanswered")
_LOST = ("dropped_map_full", "overlapped", "clamped_clock", "clamped_range")
_FRAME = 8  # lines besides the stages and the slowest exchanges, headings included
_FEWEST_SLOWEST = 3


def as_tables(
    target: Target, look: Look, *, final: bool = False, height: int | None = None
) -> RenderableType:
    """The live view; ``final`` leaves the columns of the last interval out.

    ``height`` limits the lines: the list of the slowest exchanges gives way.
    """
    happened = [stage for stage, histogram in look.total.items() if histogram.total]
    parts: list[RenderableType] = [_title(target, look, final=final)]
    if happened:
        parts.append(_stages(look, happened, final=final))
    parts += _unseen(look, happened)
    parts.append(_counters(look))
    slowest = look.slowest
    if height is not None:
        slowest = slowest[: max(_FEWEST_SLOWEST, height - _FRAME - len(happened))]
    if slowest:
        parts.append(_slowest(slowest, look.started_ns))
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
        "not_measured": _not_measured(look),
        "counters": dict(look.counters),
        "network": dict(look.network),
        "drops": dict(look.drops),
        "missed": look.missed,
        "slowest": [
            {
                "stages_ns": {k: v for k, v in spike.stages_ns.items() if k in look.total},
                "peer": spike.peer,
                "after_s": round((spike.rx_first_ns - look.started_ns) / 1e9, 6),
                "rx_first_ns": spike.rx_first_ns,
                "overlapped": spike.overlapped,
            }
            for spike in look.slowest
        ],
    }


def _title(target: Target, look: Look, *, final: bool) -> Text:
    so_far = f"  {look.elapsed_s:.0f} s, {count(look.counters['seen'])} exchanges"
    title = Text.assemble((target.label, "bold"), so_far)
    if not final:
        rate = look.recent_counters["seen"] / max(look.interval_s, 1e-9)
        title.append(f", {rate:,.0f} exchanges/s now")
    return title


def _stages(look: Look, stages: Iterable[str], *, final: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage", no_wrap=True)
    groups: list[Mapping[str, Histogram]] = [look.total] if final else [look.recent, look.total]
    for when in ("",) if final else ("now", ""):
        for name in ("n", "p50", "p99", "max"):
            table.add_column(f"{name} {when}".strip(), justify="right", no_wrap=True)
    for stage in stages:
        cells = [cell for histograms in groups for cell in _cells(histograms[stage])]
        table.add_row(stage, *cells)
    return table


def _cells(histogram: Histogram) -> list[str]:
    if not histogram.total:
        return ["0", "-", "-", "-"]
    p50, p99 = histogram.quantiles_ns([0.5, 0.99])
    return [count(histogram.total), ns(p50), ns(p99), ns(histogram.max_ns())]


def _unseen(look: Look, happened: list[str]) -> list[Text]:
    named = {
        "not seen": [stage for stage in look.total if stage not in happened],
        "not measured here": _not_measured(look),
    }
    return [Text(f"{what}: {', '.join(who)}", "dim") for what, who in named.items() if who]


def _not_measured(look: Look) -> list[str]:
    return [stage for stage in get_args(Stage) if stage not in look.total]


def _counters(look: Look) -> Text:
    """What always is of interest, and of the rest what is not zero; what spoils numbers in red."""
    named = [(name, look.counters[name], "") for name in _SHOWN]
    named += [(name, look.counters[name], "red") for name in _LOST if look.counters[name]]
    if look.missed:
        named.append(("missed", look.missed, "red"))
    named += [(name, value, "") for name, value in look.network.items() if _is_news(name, value)]
    named += [(f"dropped {why}", value, "") for why, value in look.drops.items() if value]
    return Text("  ").join(Text(f"{name} {count(value)}", style) for name, value, style in named)


def _is_news(name: str, value: int) -> bool:
    return bool(value) and name not in _SHOWN


def _slowest(spikes: tuple[Spike, ...], started_ns: int) -> Table:
    """Only the stages that took any time; ``at`` is seconds since the trace began."""
    stages = [
        stage for stage in spikes[0].stages_ns if any(spike.stages_ns[stage] for spike in spikes)
    ]
    note = " (*: requests overlapped)" if any(spike.overlapped for spike in spikes) else ""
    table = Table(
        box=None,
        pad_edge=False,
        collapse_padding=True,
        header_style="bold",
        title=f"slowest exchanges{note}",
        title_justify="left",
    )
    for name in ("at", *stages):
        table.add_column(name, justify="right", no_wrap=True)
    # The one column that gives way; an address is one word, and so is cut rather than wrapped.
    table.add_column("peer", overflow="ellipsis")
    for spike in spikes:
        times = (ns(spike.stages_ns[stage]) for stage in stages)
        peer = Text(f"{'*' if spike.overlapped else ''}{spike.peer}")
        table.add_row(_since((spike.rx_first_ns - started_ns) / 1e9), *times, peer)
    return table


def _since(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 999.95 else f"{seconds:.0f} s"


def _quantiles(histogram: Histogram) -> dict[str, float | int | None]:
    p50, p90, p99, p999 = histogram.quantiles_ns([0.5, 0.9, 0.99, 0.999])
    named = {"p50_ns": p50, "p90_ns": p90, "p99_ns": p99, "p999_ns": p999}
    known = {k: None if math.isnan(v) else round(float(v)) for k, v in named.items()}
    return {"count": histogram.total, **known, "max_ns": histogram.max_ns() or None}
