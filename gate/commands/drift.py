"""``socklat-gate baseline drift``: the stored history of a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import rich_click as click

from gate.baseline.store import BaselineStore
from gate.campaign import Campaign
from gate.commands.output import emit
from gate.errors import Exit, NoUsableBaseline, Reason, UsageError
from gate.scenario_file import load_scenario
from gate.verdict.history import metric_history

__all__ = ["drift"]

MIN_COMMIT = 7
"""Fewest digits that name a commit, as git abbreviates."""


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--baselines",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("baselines"),
    show_default=True,
    help="Directory of stored baselines.",
)
@click.option(
    "--release",
    metavar="COMMIT|IMAGE",
    help="A pinned release: compare the latest campaigns with those of this commit or image.",
)
@click.pass_context
def drift(context: click.Context, scenario: Path, baselines: Path, release: str | None) -> None:
    """Find changes in the stored campaigns of SCENARIO, and slow drift since a release.

    Pull requests are compared with their base, so many small steps can pass one by one; here their
    sum shows. Exits with 1 when a metric is slower than the release by more than its tolerance.

    For instance:

        socklat-gate baseline drift socklat.toml --release v1.4.0
    """
    planned = load_scenario(scenario)
    campaigns = _latest_kind(
        [stored.campaign for stored in BaselineStore(baselines).campaigns(planned.name)],
        planned.measured_hash(),
    )
    if not campaigns:
        raise NoUsableBaseline(
            Reason.BASELINE_EMPTY,
            f"{baselines} holds no campaign of {planned.name!r} with this service and load",
            remedy="store one on the main branch with `socklat-gate baseline save RESULT`",
        )
    pinned = [c for c in campaigns if release and _is_of(c, release)]
    if release and not pinned:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"none of the {len(campaigns)} comparable campaigns is of release {release[:80]!r}",
            remedy="give a commit (or its beginning) or an image that `socklat-gate baseline list` "
            "shows",
        )
    found = [metric_history(campaigns, metric, pinned) for metric in planned.gate.metrics]
    for history in found:
        for sentence in history.sentences():
            emit("".join(c if c.isprintable() else "\ufffd" for c in sentence))
    if any(history.drifted for history in found):
        context.exit(int(Exit.REGRESSION))


def _latest_kind(campaigns: Sequence[Campaign], scenario_hash: str) -> list[Campaign]:
    """Those alike in load, mode and machine to the newest one, oldest first."""
    same = [c for c in campaigns if c.scenario_hash == scenario_hash]
    if not same:
        return []
    newest = same[-1]
    return [
        c
        for c in same
        if c.mode == newest.mode and not newest.fingerprint.differences(c.fingerprint)
    ]


def _is_of(campaign: Campaign, release: str) -> bool:
    return campaign.image == release or (
        len(release) >= MIN_COMMIT and campaign.commit.startswith(release)
    )
