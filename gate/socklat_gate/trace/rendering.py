"""A `Snapshot` for people: the live view, and the summary that is left of it."""

from __future__ import annotations

import io

from rich.console import Console, Group, RenderableType
from rich.text import Text

from socklat_gate.probe.hook_table import EVENTS, STAGE_NEEDS
from socklat_gate.trace.live_tables import port_table, slowest_table, stage_table, time_of_day
from socklat_gate.trace.snapshot import Snapshot
from socklat_gate.trace.target import Target
from socklat_gate.wording.units import count, duration_s

__all__ = ["as_tables"]

_SHOWN = {
    "connections": "new connections",
    "adopted": "found open",
    "pending": "open exchanges",
    "retransmits": "retransmits",
    "resets_sent": "resets sent",
    "resets_received": "resets received",
    "no_response": "no response",
}
_FROM_INSIDE = "local"
_STANDS = "pending"  # how many there are now; the others add up
_LOST = ("dropped_map_full", "overlapped", "clamped_clock", "clamped_range")
_COSTLY = {event.name for event in EVENTS if event.detail == "full"}
_PORTS_NAMED = 4
_GAP = "  "
_NEXT_LIST = "; "
_SLOWEST_FRAME = 2  # lines of the list besides its exchanges: title and names


def as_tables(
    target: Target,
    snapshot: Snapshot,
    *,
    final: bool = False,
    full: bool = False,
    height: int | None = None,
    width: int = 100,
) -> RenderableType:
    """The live view; ``final`` leaves out what concerns the last interval only.

    ``full``: the full detail is measured.  It takes at most ``height`` lines, as long
    as the stages fit: the list of the slowest exchanges gives way; and ``width`` columns, for which
    columns give way.
    """
    happened = [stage for stage, histogram in snapshot.total.items() if histogram.total]
    parts: list[RenderableType] = [_title(target), _so_far(snapshot, final=final)]
    if happened:
        parts.append(stage_table(snapshot, happened, final=final, width=width))
    parts += _reasons_without_numbers(target, snapshot)
    if snapshot.total_ports:
        parts.append(Text("response on its other ports (--port N: all stages of one)", "dim"))
        parts.append(port_table(snapshot, target.inside, final=final, width=width))
    parts += _in_lines(_absent(snapshot, happened, full=full), width, _NEXT_LIST)
    parts += _in_lines(_counters(snapshot, final=final), width)
    slowest = snapshot.slowest
    if height is not None:
        slowest = slowest[: max(0, height - _lines(parts, width) - _SLOWEST_FRAME)]
    if slowest:
        parts.append(slowest_table(snapshot, slowest, width=width))
    return Group(*parts)


def _lines(parts: list[RenderableType], width: int) -> int:
    ruler = Console(file=io.StringIO(), width=width, emoji=False)
    return len(ruler.render_lines(Group(*parts)))


def _title(target: Target) -> Text:
    title = Text(target.label, "bold", no_wrap=True, overflow="ellipsis")
    if target.pid and target.ports:
        title.append(f"  on {_ports(target)}", "not bold dim")
    return title


def _ports(target: Target) -> str:
    named = ", ".join(map(str, target.ports[:_PORTS_NAMED]))
    more = ", ..." if len(target.ports) > _PORTS_NAMED else ""
    return f"TCP {'port' if len(target.ports) == 1 else 'ports'} {named}{more}"


def _so_far(snapshot: Snapshot, *, final: bool) -> Text:
    number = snapshot.counters["seen"]
    seen = f"{count(number)} exchange{'' if number == 1 else 's'}"
    started = time_of_day(snapshot.started_ns + snapshot.realtime_offset_ns)
    if final:
        ended = time_of_day(snapshot.taken_at_ns + snapshot.realtime_offset_ns)
        rate = _rate(snapshot.counters["seen"], snapshot.elapsed_s)
        lasted = duration_s(snapshot.elapsed_s)
        return Text(f"{started} to {ended} ({lasted}), {seen}, {rate}/s")
    rate = _rate(snapshot.recent_counters["seen"], snapshot.interval_s)
    text = f"since {started} ({duration_s(snapshot.elapsed_s)}), {seen}, {rate}/s now"
    return Text.assemble(text, ("  Ctrl-C: summary", "dim"))


def _rate(number: int, seconds: float) -> str:
    rate = number / max(seconds, 1e-9)
    return f"{rate:.1f}" if 0 < rate < 9.95 else count(round(rate))


def _reasons_without_numbers(target: Target, snapshot: Snapshot) -> list[Text]:
    """Why there are no exchanges, or none with durations yet."""
    if not snapshot.counters["seen"]:
        where = f"on {_ports(target)}" if target.ports else "(and nothing listened at the start)"
        return [Text(f"no request has arrived {where}", "yellow")]
    if not snapshot.total["response"].total:
        text = "an exchange is counted when the next request or a close ends it"
        return [Text(text, "yellow")]
    return []


def _absent(snapshot: Snapshot, happened: list[str], *, full: bool) -> list[Text]:
    """Stages that are not in the table, one list for each cause."""
    costly = {
        stage
        for stage in snapshot.not_measured
        if not _COSTLY.isdisjoint(STAGE_NEEDS.get(stage, ()))
    }
    asked_for = set(snapshot.not_measured) if full else set(snapshot.not_measured) - costly
    lists = {
        "not seen": [stage for stage in snapshot.total if happened and stage not in happened],
        "not measured here": [stage for stage in snapshot.not_measured if stage in asked_for],
        "only with --full": [stage for stage in snapshot.not_measured if stage not in asked_for],
    }
    return [Text(f"{cause}: {', '.join(of)}", "dim") for cause, of in lists.items() if of]


def _counters(snapshot: Snapshot, *, final: bool) -> list[Text]:
    """What always is of interest, and of the rest what is not zero; what spoils numbers in red.

    Live, what came in the last interval stands behind it.
    """
    parts: list[Text] = []
    for name, title in _SHOWN.items():
        new = 0 if final or name == _STANDS else snapshot.recent_counters[name]
        parts.append(_counter(title, snapshot.counters[name], new))
    if snapshot.counters[_FROM_INSIDE]:
        parts.append(_counter("asked from inside", snapshot.counters[_FROM_INSIDE]))
    lost = {name: snapshot.counters[name] for name in _LOST} | {"missed": snapshot.missed}
    parts += [_counter(name, value, style="red") for name, value in lost.items() if value]
    news = {name: n for name, n in snapshot.network.items() if name not in _SHOWN}
    news |= {f"dropped {why}": n for why, n in snapshot.drops.items()}
    return parts + [_counter(name, value) for name, value in news.items() if value]


def _counter(name: str, value: int, new: int = 0, style: str = "") -> Text:
    text = Text(f"{name.replace('_', ' ')} {count(value)}", style)
    return text.append(f" (+{count(new)})", "bold") if new else text


def _in_lines(parts: list[Text], width: int, gap: str = _GAP) -> list[Text]:
    """As many a line as there is room for: left to rich, lines end inside of numbers too."""
    lines: list[Text] = []
    for part in parts:
        if lines and lines[-1].cell_len + len(gap) + part.cell_len <= width:
            lines[-1].append(gap).append_text(part)
        else:
            lines.append(part)
    return lines
