"""``socklat-gate baseline prune``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from socklat_gate.commands.baseline_place import location_option
from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit
from socklat_gate.errors import Reason, UsageError
from socklat_gate.wording.sanitise import strip_control_characters

if TYPE_CHECKING:
    from socklat_gate.baseline.places.place import Place
    from socklat_gate.baseline.store import BaselineStore

__all__ = ["prune"]


@command()
@location_option
@click.option(
    "--keep",
    metavar="N",
    type=click.IntRange(min=1),
    help="Campaigns to keep of each scenario, machine, mode and branch.",
)
@click.option("--scenario", metavar="NAME", help="Only this scenario's campaigns [all].")
@click.option(
    "--keep-commit",
    "releases",
    metavar="COMMIT|IMAGE",
    multiple=True,
    help="A release whose campaigns always stay; may be given several times.",
)
@click.option("--damaged", is_flag=True, help="Also remove files that cannot be used.")
@click.option(
    "--compact", is_flag=True, help="Give a git branch one commit instead of its history."
)
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and remove nothing.")
def prune(
    baselines: str,
    keep: int | None,
    scenario: str | None,
    releases: tuple[str, ...],
    damaged: bool,
    compact: bool,
    dry_run: bool,
) -> None:
    """Remove old campaigns, keeping the newest of each machine, mode and branch.

    Prints the name of each file that is removed.  What other jobs store meanwhile stays.

    For instance:

        socklat-gate baseline prune --keep 30 --keep-commit 1f2e3d4c --dry-run
    """
    from socklat_gate.baseline.open_store import open_store

    if keep is None and not damaged and not compact:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            "none of --keep, --damaged and --compact was given",
            remedy="give at least one of them",
        )
    with open_store(baselines) as store:
        compacted = _compactor(store.place) if compact else None
        names = [scenario] if scenario is not None else list(store.scenarios())
        removed = [
            n for name in names for n in _files_to_remove(store, name, keep, releases, damaged)
        ]
        if removed and not dry_run:
            store.place.remove(removed)
        for name in removed:
            emit(strip_control_characters(store.place.display_name(name)))
        if compacted and not dry_run:
            compacted()


def _compactor(place: Place) -> Callable[[], None]:
    from socklat_gate.baseline.places.place import Compactable

    if isinstance(place, Compactable):
        return place.compact
    raise UsageError(
        Reason.BAD_ARGUMENT,
        f"--compact is for git branches: {place.location} keeps no history",
        remedy="leave it out",
    )


def _files_to_remove(
    store: BaselineStore, scenario: str, keep: int | None, releases: tuple[str, ...], damaged: bool
) -> list[str]:
    from socklat_gate.baseline.links import link_problems
    from socklat_gate.baseline.pruning import prunable

    problems = store.problems(scenario) if damaged else {}
    links = link_problems(store.place, scenario) if damaged else ()
    files = [*problems, *(name for name, problem in links if problem)]
    if keep is not None:
        good = store.campaigns(scenario, leave_out=problems)
        files += prunable(good, keep, releases)
    return files
