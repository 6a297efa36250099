"""Which stored campaigns a measurement may be held against, and why none of them if so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NoReturn

from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.measured.campaign import Campaign, Fingerprint

__all__ = ["SAVE", "comparable", "is_of_release", "latest_kind"]

SAVE = "save one on the main branch with `socklat-gate baseline save`, or give --baseline-image"
MIN_COMMIT = 7
"""Fewest digits that name a commit, as git abbreviates."""

MAX_DIFFERENCES = 6
MAX_SHOWN = 80


def comparable(
    campaigns: Sequence[Campaign],
    scenario_name: str,
    scenario_hash: str,
    fingerprint: Fingerprint,
    mode: Literal["single", "paired"],
) -> tuple[Campaign, ...]:
    """Those of the same scenario hash, mode and fingerprint, in their order; never none.

    Raises `NoUsableBaseline`: baseline_empty without campaigns, baseline_scenario,
    baseline_missing when none has the mode, or baseline_fingerprint naming the fields that differ
    from the last campaign that is alike otherwise.
    """
    if not campaigns:
        _none(Reason.BASELINE_EMPTY, f"the baseline of {scenario_name!r} holds no campaign")
    same = [c for c in campaigns if c.scenario_hash == scenario_hash]
    if not same:
        _none(
            Reason.BASELINE_SCENARIO,
            f"the {len(campaigns)} stored campaign(s) of {scenario_name!r} measured another "
            f"service or load: scenario hash {campaigns[-1].scenario_hash[:MAX_SHOWN]!r}, "
            f"now {scenario_hash!r}",
        )
    alike = [c for c in same if c.mode == mode]
    if not alike:
        _none(
            Reason.BASELINE_MISSING,
            f"{scenario_name!r} has {len(same)} stored campaign(s), none of them measured {mode}",
        )
    here = [c for c in alike if not fingerprint.differences(c.fingerprint)]
    if not here:
        _none(
            Reason.BASELINE_FINGERPRINT,
            f"the {len(alike)} stored campaign(s) of {scenario_name!r} were measured elsewhere: "
            + _differences(fingerprint, alike[-1].fingerprint),
        )
    return tuple(here)


def latest_kind(
    campaigns: Sequence[Campaign], scenario_hash: str = "", branch: str = ""
) -> list[Campaign]:
    """Those alike in load, mode, machine and branch to the newest one, in their order.

    ``campaigns`` are oldest first.  With a ``scenario_hash`` or a ``branch`` the newest one of
    that; none when there is none.  Campaigns of no known branch belong to every branch.
    """
    same = [c for c in campaigns if scenario_hash in ("", c.scenario_hash)]
    same = [c for c in same if branch in ("", c.branch) or not c.branch]
    if not same:
        return []
    newest = same[-1]
    return [
        c
        for c in same
        if (c.scenario_hash, c.mode) == (newest.scenario_hash, newest.mode)
        and c.branch in ("", branch or newest.branch)
        and not newest.fingerprint.differences(c.fingerprint)
    ]


def is_of_release(campaign: Campaign, release: str) -> bool:
    """Whether it measured that image, or that commit, of which the beginning will do."""
    return campaign.image == release or (
        len(release) >= MIN_COMMIT and campaign.commit.startswith(release)
    )


def _differences(here: Fingerprint, stored: Fingerprint) -> str:
    rows = [
        f"{name} is {ours[:MAX_SHOWN]!r} here, {theirs[:MAX_SHOWN]!r} in the baseline"
        for name, (ours, theirs) in here.differences(stored).items()
    ]
    more = len(rows) - MAX_DIFFERENCES
    return "; ".join(rows[:MAX_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")


def _none(reason: Reason, message: str) -> NoReturn:
    raise NoUsableBaseline(reason, message, remedy=SAVE)
