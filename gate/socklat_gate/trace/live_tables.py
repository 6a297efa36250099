"""The two tables of the live view, narrowed to what a terminal has room for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.records import SUMS
from socklat_gate.measured.run import Spike
from socklat_gate.trace.snapshot import Snapshot
from socklat_gate.wording.units import count, ns

__all__ = ["port_table", "slowest_table", "stage_table", "time_of_day"]

_NOW = ("n now", "p50 now", "p99 now", "max now")
_IN_ALL = ("n", "p50", "p99", "max")
_LAYOUTS = (_NOW + _IN_ALL, _NOW[1:] + _IN_ALL, _NOW[1:] + _IN_ALL[2:], _NOW[1:])
"""The first one that fits is shown; what the last interval was like goes last."""

_GAP = 2
_SPIKE_GAP = 1
_PEER_WIDTH = 11  # the least that still distinguishes peers
_FEWEST_STAGES = 2
_PARTS = SUMS["response"]


def stage_table(snapshot: Snapshot, stages: Sequence[str], *, final: bool, width: int) -> Table:
    """p50, p99 and max a stage, of the last interval ("now") and in all; ``final``: in all."""
    rows = {
        stage: dict(
            zip(
                _NOW + _IN_ALL,
                _cells(snapshot.recent[stage]) + _cells(snapshot.total[stage]),
                strict=True,
            )
        )
        for stage in stages
    }
    return _table("stage", rows, final=final, width=width)


def _table(first: str, rows: Mapping[str, Mapping[str, str]], *, final: bool, width: int) -> Table:
    """As many columns as there is room for."""
    layouts = (_IN_ALL,) if final else _LAYOUTS
    columns = next((one for one in layouts if _width(one, rows) <= width), layouts[-1])
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for title, cells in rows.items():
        style = "bold" if title == "response" else ""
        table.add_row(title, *(cells[name] for name in columns), style=style)
    return table


def port_table(snapshot: Snapshot, inside: Collection[int], *, final: bool, width: int) -> Table:
    """Response times of the other ports, one row a port; ``inside``: no one else can reach it."""
    rows = {
        f"{port}{' (inside only)' if port in inside else ''}": dict(
            zip(
                _NOW + _IN_ALL,
                _cells(snapshot.recent_ports[port]) + _cells(total),
                strict=True,
            )
        )
        for port, total in snapshot.total_ports.items()
    }
    return _table("port", rows, final=final, width=width)


def _cells(histogram: Histogram) -> list[str]:
    if not histogram.total:
        return ["0", "-", "-", "-"]
    p50, p99 = histogram.quantiles_ns([0.5, 0.99])
    return [count(histogram.total), ns(p50), ns(p99), ns(histogram.max_ns())]


def _width(columns: Sequence[str], rows: Mapping[str, Mapping[str, str]]) -> int:
    cells = [max(len(name), *(len(row[name]) for row in rows.values())) for name in columns]
    return max(map(len, rows)) + sum(_GAP + cell for cell in cells)


def slowest_table(snapshot: Snapshot, spikes: Sequence[Spike], *, width: int) -> Table:
    """One row an exchange: when (time of day), the stages that took most, the peer.

    A stage reads "-" where it took no time or was not measured; the largest part of ``response``
    has a colour.
    """
    timed = [name for name in spikes[0].stages_ns if any(s.stages_ns[name] for s in spikes)]
    stages = _room_for(timed, spikes, width)
    notes = ["*: requests overlapped"] if any(spike.overlapped for spike in spikes) else []
    if left_out := [stage for stage in timed if stage not in stages]:
        notes.append(f"no room for {', '.join(left_out)}")
    table = Table(
        box=None,
        pad_edge=False,
        collapse_padding=True,
        header_style="bold",
        title=Text("; ".join(["slowest exchanges", *notes]), overflow="ellipsis", no_wrap=True),
        title_justify="left",
    )
    for name in ("at", *stages):
        table.add_column(name, justify="right", no_wrap=True)
    # The one column that gives way; an address is one word, and so is cut rather than wrapped.
    table.add_column("peer", overflow="ellipsis")
    for spike in spikes:
        times = (_time(spike, stage) for stage in stages)
        peer = Text(f"{'*' if spike.overlapped else ''}{spike.peer}")
        at = time_of_day(spike.rx_first_ns + snapshot.realtime_offset_ns, milliseconds=True)
        table.add_row(at, *times, peer)
    return table


def _time(spike: Spike, stage: str) -> Text:
    time_ns = spike.stages_ns[stage]
    largest = stage in _PARTS and time_ns == max(spike.stages_ns[part] for part in _PARTS)
    return Text(ns(time_ns) if time_ns else "-", "yellow" if largest and time_ns else "")


def _room_for(stages: Sequence[str], spikes: Sequence[Spike], width: int) -> list[str]:
    """The stages that fit, in order; the least of them goes first, ``response`` never."""
    kept = list(stages)
    cells = {
        stage: max(len(stage), *(len(ns(spike.stages_ns[stage])) for spike in spikes))
        for stage in stages
    }
    most_ns = {stage: max(spike.stages_ns[stage] for spike in spikes) for stage in stages}
    fixed = len("00:00:00.000") + _SPIKE_GAP + _PEER_WIDTH
    while len(kept) > _FEWEST_STAGES and fixed + sum(_SPIKE_GAP + cells[s] for s in kept) > width:
        kept.remove(min((s for s in reversed(kept) if s != "response"), key=most_ns.__getitem__))
    return kept


def time_of_day(realtime_ns: int, *, milliseconds: bool = False) -> str:
    """Local time, as logs have it: ``18:31:35``, ``18:31:35.952``."""
    seconds, rest_ns = divmod(realtime_ns, 1_000_000_000)
    text = f"{datetime.fromtimestamp(seconds):%H:%M:%S}"  # local time is what is wanted
    return f"{text}.{rest_ns // 1_000_000:03d}" if milliseconds else text
