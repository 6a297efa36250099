"""Which stored campaigns a measurement may be held against, and why none of them if so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NoReturn

from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.measured.campaign import Campaign, Fingerprint

__all__ = ["SAVE", "comparable", "differing_parts", "is_of_release", "latest_kind"]

SAVE = "save one on the main branch with `socklat-gate baseline save`, or give --baseline-image"
SAVE_FIRST = (
    'load.rate = "auto" finds another rate each time until a campaign is stored: store the first '
    "one with `socklat-gate baseline save` before the second `run`, or give load.rate a number"
)
MIN_COMMIT = 7
"""Fewest digits that name a commit, as git abbreviates."""

LISTED = "hooks"
"""The field of a fingerprint that is a list."""

RATE = "rate"
"""The field of a rate that was found."""

NO_HOOK = "none"
MAX_DIFFERENCES = 6
MAX_SHOWN = 80


def comparable(
    campaigns: Sequence[Campaign],
    scenario_name: str,
    scenario_hash: str,
    fingerprint: Fingerprint,
    mode: Literal["single", "paired"],
    former_hashes: Collection[str] = (),
) -> tuple[Campaign, ...]:
    """Those of the same scenario, its hash, mode and fingerprint, in their order; never none.

    Of the scenario's ``former_hashes`` any will do.  Raises `NoUsableBaseline`: baseline_empty
    without campaigns, baseline_scenario when they are of another scenario, service or load,
    baseline_missing when none has the mode, or baseline_fingerprint naming the fields that differ
    from the last campaign that is alike otherwise.
    """
    if not campaigns:
        _none(Reason.BASELINE_EMPTY, f"the baseline of {scenario_name!r} holds no campaign")
    # Two scenarios may well have the same load: the hash alone does not tell them apart.
    named = [c for c in campaigns if c.scenario_name == scenario_name]
    if not named:
        _none(
            Reason.BASELINE_SCENARIO,
            f"the {len(campaigns)} stored campaign(s) are of scenario "
            f"{campaigns[-1].scenario_name[:MAX_SHOWN]!r}, and {scenario_name!r} was measured: "
            "different scenarios are never compared",
        )
    campaigns, hashes = named, {scenario_hash, *former_hashes}
    same = [c for c in campaigns if c.is_of(hashes)]
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
            f"the {len(alike)} stored campaign(s) of {scenario_name!r} were measured "
            + _differences(fingerprint, alike[-1].fingerprint),
            remedy=SAVE_FIRST if _differs_by_rate(fingerprint, alike[-1].fingerprint) else SAVE,
        )
    return tuple(here)


def latest_kind(
    campaigns: Sequence[Campaign],
    scenario_hash: str = "",
    branch: str = "",
    former_hashes: Collection[str] = (),
) -> list[Campaign]:
    """Those alike in load, mode, machine and branch to the newest one, in their order.

    ``campaigns`` are oldest first.  With a ``scenario_hash`` or a ``branch`` the newest one of
    that; none when there is none.  Campaigns of no known branch belong to every branch.
    """
    hashes = {scenario_hash, *former_hashes}
    same = [c for c in campaigns if not scenario_hash or c.is_of(hashes)]
    same = [c for c in same if branch in ("", c.branch) or not c.branch]
    if not same:
        return []
    newest = same[-1]
    hashes |= newest.hashes
    return [
        c
        for c in same
        if c.mode == newest.mode
        and c.is_of(hashes)
        and c.branch in ("", branch or newest.branch)
        and not newest.fingerprint.differences(c.fingerprint)
    ]


def is_of_release(campaign: Campaign, release: str) -> bool:
    """Whether it measured that image, or that commit, of which the beginning will do."""
    return campaign.image == release or (
        len(release) >= MIN_COMMIT and campaign.commit.startswith(release)
    )


def differing_parts(here: Fingerprint, stored: Fingerprint) -> dict[str, tuple[str, str]]:
    """What differs, as name -> (here, stored), cut to what can be shown.

    Of a list such as that of the hooks, ``event=hook, event=hook``, only the entries that differ,
    each under the name of its event.
    """
    found: dict[str, tuple[str, str]] = {}
    differences = here.differences(stored)
    # The list comes last: where the machine is another one, that says more than its hooks.
    for name, (ours, theirs) in sorted(differences.items(), key=lambda item: item[0] == LISTED):
        if name == LISTED:
            mine, others = _entries(ours), _entries(theirs)
            for key in sorted({*mine, *others}):
                pair = mine.get(key, NO_HOOK), others.get(key, NO_HOOK)
                if pair[0] != pair[1]:
                    found[f"hook of {key}"] = pair
        else:
            found[name] = ours, theirs
    return {
        name[:MAX_SHOWN]: (ours[:MAX_SHOWN], theirs[:MAX_SHOWN])
        for name, (ours, theirs) in list(found.items())[:MAX_DIFFERENCES]
    }


def _entries(listed: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in listed.split(", "))
    return {event: hook for event, _, hook in pairs if hook}


def _differs_by_rate(here: Fingerprint, stored: Fingerprint) -> bool:
    return set(here.differences(stored)) == {RATE}


def _differences(here: Fingerprint, stored: Fingerprint) -> str:
    where = "at another rate" if _differs_by_rate(here, stored) else "elsewhere"
    rows = [
        f"{name} is {ours!r} here, {theirs!r} in the baseline"
        for name, (ours, theirs) in differing_parts(here, stored).items()
    ]
    return f"{where}: {'; '.join(rows)}"


def _none(reason: Reason, message: str, remedy: str = SAVE) -> NoReturn:
    raise NoUsableBaseline(reason, message, remedy=remedy)
