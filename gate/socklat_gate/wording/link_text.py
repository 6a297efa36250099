"""The series of paired estimates of a metric as sentences and rows."""

from __future__ import annotations

from collections.abc import Iterable

from socklat_gate.measured.history import LinkChange, LinkHistory, LinkPoint
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural

__all__ = ["link_lines", "link_rows"]


def link_rows(points: Iterable[LinkPoint], of: str) -> list[tuple[str, ...]]:
    """A row for each link with the titles first; ``of`` says what the change is counted from.

    A line that begins with "|" does not go on from those above it.
    """
    rows: list[tuple[str, ...]] = [
        ("", "created (UTC)", "from", "to", "pairs", "verdict", of, "95% interval")
    ]
    for at, point in enumerate(points):
        rows.append(
            (
                "|" if point.begins and at else "",
                point.created[:19],
                units.commit_id(point.base),
                units.commit_id(point.commit),
                str(point.pairs),
                point.outcome.value,
                units.change(point.change),
                units.interval(point.low, point.high),
            )
        )
    return rows


def link_lines(history: LinkHistory) -> list[str]:
    """Where the sum and the last night stand, and the changes that they show; a line each."""
    lines = (*_merge_lines(history), *_night_lines(history))
    return [f"{history.metric}: {line}" for line in lines]


def _merge_lines(history: LinkHistory) -> list[str]:
    merges = history.merges
    if not merges:
        return []
    begin = max(at for at, point in enumerate(merges) if point.begins)
    number = len(merges) - begin
    earlier = f" ({begin} earlier ones do not lead there)" if begin else ""
    lines = [
        f"{_standing(merges[-1])} over {plural(number, 'merge')} since "
        f"{units.commit_id(merges[begin].base)}, the sum of paired estimates{earlier}"
    ]
    lines += [_merge_change(change) for change in history.changes]
    if not history.changes:
        lines.append(f"no change found over {plural(len(merges), 'paired estimate')}")
    return lines


def _merge_change(change: LinkChange) -> str:
    merges = change.end - change.index
    slowly = "" if merges == 1 else f" over {plural(merges, 'merge')}"
    return (
        f"{units.change(change.change)}{slowly} from {units.commit_id(change.since)} to "
        f"{units.commit_id(change.commit)} ({change.created[:10]}), e-value {change.evidence:.3g}"
    )


def _night_lines(history: LinkHistory) -> list[str]:
    if not history.nights:
        return []
    last, number = history.nights[-1], len(history.nights)
    show = "show" if history.drifted else "do not show"
    if number == 1:
        show = "shows" if history.drifted else "does not show"
    lines = [
        f"{_standing(last)} beside the pinned release {units.commit_id(history.release)} in the "
        f"night of {last.created[:10]}; {plural(number, 'night')} {show} more than the tolerance "
        f"of {units.change(history.tolerance)} (e-value {history.drift_evidence:.3g})"
    ]
    lines += [
        f"{units.change(change.change)} beside the release in the nights from "
        f"{units.commit_id(change.since)} on, shown on {change.created[:10]}, e-value "
        f"{change.evidence:.3g}"
        for change in history.night_changes
    ]
    return lines


def _standing(point: LinkPoint) -> str:
    return f"{units.change(point.change)} (95% interval {units.interval(point.low, point.high)})"
