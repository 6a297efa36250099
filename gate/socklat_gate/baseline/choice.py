"""Which stored campaigns today's measurement is held against: those of the nearest commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import Note, NoteCode

__all__ = ["UNKNOWN_LINEAGE", "Choice", "Lineage", "Unknown", "ancestor_note", "choose", "up_to"]


Unknown = Literal["shallow", "no_repository", "no_merge_base", "not_read"]
"""Why a lineage is not known, or not all of it."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """The commits that today's code descends from.

    ``commits`` are the one to start from and its ancestors, nearest first; empty when they are not
    known, for which ``unknown`` is the reason.  The first of them is the merge base with ``ref``,
    or this commit where ``ref`` is "".  Of campaigns of other commits, those of ``branch`` come
    first ("": no branch does).  ``git_says``: its own words, where it refuses to read the clone.
    """

    commits: tuple[str, ...] = ()
    ref: str = ""
    branch: str = ""
    unknown: Unknown | None = None
    git_says: str = ""


UNKNOWN_LINEAGE = Lineage()
"""Of code that is in no repository."""


@dataclass(frozen=True, slots=True)
class Choice:
    """``campaign`` is the newest of ``commit``; ``why`` is how that commit was found."""

    campaign: Campaign
    commit: str
    why: Note


def choose(campaigns: Sequence[Campaign], lineage: Lineage) -> Choice:
    """The campaign to compare with: of the nearest commit that has one, else the newest.

    ``campaigns`` are oldest first and at least one.
    """
    steps = _steps(lineage)
    near = [campaign for campaign in campaigns if campaign.commit in steps]
    if not near:
        newest = _of_branch(campaigns, lineage)[-1]
        alike = lineage.branch and newest.branch == lineage.branch
        numbers = {"unknown": lineage.unknown, "ref": lineage.ref or lineage.branch}
        if lineage.git_says:
            numbers["message"] = lineage.git_says
        why = Note(NoteCode.NEWEST_STORED, newest.branch if alike else "", numbers)
        return Choice(newest, newest.commit, why)
    back = min(steps[campaign.commit] for campaign in near)
    commit = lineage.commits[back]
    newest = [campaign for campaign in near if campaign.commit == commit][-1]
    return Choice(newest, commit, ancestor_note(lineage, back))


def ancestor_note(lineage: Lineage, commits: int = 0) -> Note:
    """Of so many commits before the one that the lineage starts from."""
    return Note(NoteCode.NEAREST_ANCESTOR, lineage.ref, {"commits": commits})


def up_to(campaigns: Sequence[Campaign], lineage: Lineage) -> tuple[Campaign, ...]:
    """The campaigns whose numbers count: of the chosen commit and its ancestors, in their order.

    The spread between campaigns needs several of them, which one commit seldom has.
    Later commits and other branches are left out, unless none of the commits is known.
    """
    steps = _steps(lineage)
    near = tuple(campaign for campaign in campaigns if campaign.commit in steps)
    return near or tuple(_of_branch(campaigns, lineage))


def _steps(lineage: Lineage) -> dict[str, int]:
    return {commit: back for back, commit in enumerate(lineage.commits)}


def _of_branch(campaigns: Sequence[Campaign], lineage: Lineage) -> Sequence[Campaign]:
    of_branch = [c for c in campaigns if lineage.branch and c.branch == lineage.branch]
    return of_branch or campaigns
