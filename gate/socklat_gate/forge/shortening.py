"""A report within the room that a code host gives it: sections are dropped, in a fixed order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from socklat_gate.report.formats import markdown
from socklat_gate.report.report import Report
from socklat_gate.wording.section_titles import CUT_NOTE

__all__ = ["DROPPED_FIRST", "characters", "shorten"]

Size = Callable[[str], int]

DROPPED_FIRST = (
    "facts",
    "fingerprint",
    "hooks",
    "replicas",
    "pairs",
    "drops",
    "network",
    "slowest",
    "companions",
    "stages",
    "capacity_rounds",
    "evidence",
    "watch_evidence",
    "spike_evidence",
    "other_metrics",
    "other_requests",
    "environment",
    "completeness",
    "containers",
    "load",
    "handshakes",
    "answers",
    "arm_differences",
    "response_time",
    "rare_spikes",
    "watch",
    "attribution",
    "measured",
    "stall_correction",
    "counts",
    "limits",
    "capacity",
    "requests",
    "metrics",
)
"""Names of all sections of a report, the least missed first; the head stays."""


def characters(text: str) -> int:
    """Length in UTF-16 units, the largest of the ways in which a code host may count."""
    return len(text.encode("utf-16-le")) // 2


def shorten(report: Report | str, room: int, size: Size = characters) -> str:
    """Markdown of at most ``room``: the full report, or as few sections less as that takes.

    Below the size of its head, and for bare markdown, it ends with the last line that has room.
    """
    if isinstance(report, str):
        return report if size(report) <= room else _cut(report, room, size)
    there = {name for name, _ in report.sections()}
    names = [name for name in DROPPED_FIRST if name in there]

    def without(number: int) -> str:
        return markdown.render(report.without(*names[:number]) if number else report)

    full = without(0)
    if size(full) <= room:
        return full
    # Each further section makes it shorter, once one is named as left out.
    enough = bisect_left(range(1, len(names) + 1), True, key=lambda n: size(without(n)) <= room)
    if enough < len(names):
        return without(enough + 1)
    return _cut(without(len(names)), room, size)


def _cut(text: str, room: int, size: Size) -> str:
    left = room - size(CUT_NOTE)
    kept: list[str] = []
    for line in text.splitlines(keepends=True):
        left -= size(line)
        if left < 0:
            break
        kept.append(line)
    return "".join(kept) + CUT_NOTE
