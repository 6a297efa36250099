"""Which stored campaigns today's measurement is held against: those of the nearest commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.measured.campaign import Campaign
from socklat_gate.wording.changes import plural

__all__ = ["UNKNOWN_LINEAGE", "Choice", "Lineage", "choose", "up_to"]


@dataclass(frozen=True, slots=True)
class Lineage:
    """The commits that today's code descends from.

    ``commits`` are the one to start from and its ancestors, nearest first; empty when they are not
    known, which ``unknown`` explains in a clause.  ``start`` names the first of them, for instance
    "the merge base of 'main'".  Of campaigns of other commits, those of ``branch`` come first ("":
    no branch does).
    """

    commits: tuple[str, ...] = ()
    start: str = "this commit"
    branch: str = ""
    unknown: str = ""


UNKNOWN_LINEAGE = Lineage()
"""Of code that is in no repository."""


@dataclass(frozen=True, slots=True)
class Choice:
    """``campaign`` is the newest of ``commit``; ``why`` says how that commit was found."""

    campaign: Campaign
    commit: str
    why: str


def choose(campaigns: Sequence[Campaign], lineage: Lineage) -> Choice:
    """The campaign to compare with: of the nearest commit that has one, else the newest.

    ``campaigns`` are oldest first and at least one.
    """
    steps = _steps(lineage)
    near = [campaign for campaign in campaigns if campaign.commit in steps]
    if not near:
        newest = _of_branch(campaigns, lineage)[-1]
        alike = lineage.branch and newest.branch == lineage.branch
        of_branch = f" of branch {newest.branch!r}" if alike else ""
        unknown = f" ({lineage.unknown})" if lineage.unknown else ""
        return Choice(newest, newest.commit, f"the newest stored{of_branch}{unknown}")
    back = min(steps[campaign.commit] for campaign in near)
    commit = lineage.commits[back]
    newest = [campaign for campaign in near if campaign.commit == commit][-1]
    if back == 0:
        return Choice(newest, commit, lineage.start)
    why = f"the nearest ancestor with a baseline, {plural(back, 'commit')} before {lineage.start}"
    return Choice(newest, commit, why)


def up_to(campaigns: Sequence[Campaign], lineage: Lineage) -> tuple[Campaign, ...]:
    """The campaigns whose numbers count: of the chosen commit and its ancestors, in their order.

    How much campaigns differ by themselves takes several of them to tell, which one commit seldom
    has.  Later commits and other branches are left out, unless none of the commits is known.
    """
    steps = _steps(lineage)
    near = tuple(campaign for campaign in campaigns if campaign.commit in steps)
    return near or tuple(_of_branch(campaigns, lineage))


def _steps(lineage: Lineage) -> dict[str, int]:
    return {commit: back for back, commit in enumerate(lineage.commits)}


def _of_branch(campaigns: Sequence[Campaign], lineage: Lineage) -> Sequence[Campaign]:
    of_branch = [c for c in campaigns if lineage.branch and c.branch == lineage.branch]
    return of_branch or campaigns
