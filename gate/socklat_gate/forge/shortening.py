"""A report within the room that GitHub gives it: whole sections go, in a fixed order.

Only our own headings and folds begin a section: text from outside cannot stand at the start of a
line as either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from socklat_gate.wording.markdown_escape import md

__all__ = ["characters", "shorten"]

Size = Callable[[str], int]

START = re.compile(r"^(?:### (?P<heading>.+)|<details>\n<summary>(?P<fold>.+)</summary>)$", re.M)

DROPPED_FIRST = (
    "Facts about the machine",
    "Fingerprint",
    "Hooks",
    "Pairs",
    "Packets dropped",
    "Network counters",
    "Spikes of",
    "Stages",
    "Evidence",
    "How spikes were judged",
    "Environment",
    "Completeness",
    "Load",
    "Service time",
    "Rare spikes",
    "Where the time went",
    "Measured",
    "Metrics",
)
"""How titles begin, the least missed first; a title that is not here goes before all of them."""


class Section(NamedTuple):
    """A heading or a fold and what follows it; the head of a report has no title."""

    title: str
    text: str


def characters(text: str) -> int:
    """Length in UTF-16 units, the largest of the ways in which GitHub may count."""
    return len(text.encode("utf-16-le")) // 2


def shorten(report: str, room: int, size: Size = characters) -> str:
    """The report if its size is at most ``room``, else with as few sections less as that takes.

    Below the size of its head, it ends with the last line that has room.
    """
    if size(report) <= room:
        return report
    kept = _sections(report)
    dropped: list[Section] = []
    for section in sorted(kept[1:], key=_rank):
        dropped.append(section)
        kept.remove(section)
        short = "".join(part.text for part in kept) + _dropped_note(dropped)
        if size(short) <= room:
            return short
    return _cut(kept[0].text, room, size)


def _sections(report: str) -> list[Section]:
    starts = list(START.finditer(report))
    ends = [*(found.start() for found in starts), len(report)]
    head = Section("", report[: ends[0]])
    titles = [found["heading"] or found["fold"] for found in starts]
    parts = (report[a:b] for a, b in pairwise(ends))
    return [head, *map(Section, titles, parts)]


def _rank(section: Section) -> int:
    for rank, beginning in enumerate(DROPPED_FIRST):
        if section.title.startswith(beginning):
            return rank
    return -1


def _dropped_note(dropped: Sequence[Section]) -> str:
    titles = ", ".join(md(section.title) for section in dropped)
    return f"\nLeft out here for want of room: {titles}. The artifact has the whole report.\n"


def _cut(head: str, room: int, size: Size) -> str:
    note = "\nThe rest is left out here for want of room; the artifact has the whole report.\n"
    left = room - size(note)
    kept: list[str] = []
    for line in head.splitlines(keepends=True):
        left -= size(line)
        if left < 0:
            break
        kept.append(line)
    return "".join(kept) + note
