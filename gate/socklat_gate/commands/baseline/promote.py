"""``socklat-gate baseline promote``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from socklat_gate.commands.baseline_place import location_option
from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit

__all__ = ["promote"]


@command()
@click.argument("result", type=click.Path(path_type=Path))
@location_option
@click.option(
    "--branch", metavar="NAME", help="Branch to store it for [the one that was measured on]."
)
@click.option(
    "--allow-dirty",
    is_flag=True,
    help="Also store what was measured with changed files, or outside of a repository.",
)
def promote(result: Path, baselines: str, branch: str | None, allow_dirty: bool) -> None:
    """Store RESULT as a baseline in CI: only what passed, of a commit, from no fork.

    As `save`, but refuses what was not measured at a commit as it is, and any result in a job that
    GitHub started for a fork's code. Of a `gate` whose baseline is of a known commit it also stores
    what the pairs say of the change between the two, for the drift series of `baseline history`.

    For instance:

        socklat-gate baseline promote socklat-out --baselines git+branch:perf
    """
    from socklat_gate.baseline.campaigns import campaign_of, result_at
    from socklat_gate.baseline.links import link_of, save_link
    from socklat_gate.baseline.open_store import open_store
    from socklat_gate.baseline.promotion import check_commit, check_passed
    from socklat_gate.forge.github.own_code import check_own_code
    from socklat_gate.job.commit import landing_branch
    from socklat_gate.measured.result import GateResult

    loaded = result_at(result)
    check_own_code()
    if not allow_dirty:
        check_commit(loaded)
    check_passed(loaded)
    campaign = campaign_of(loaded)
    # Also of a result of an earlier version, which names the queue's own.
    campaign = replace(campaign, branch=landing_branch(branch or campaign.branch))
    link = link_of(loaded) if isinstance(loaded, GateResult) else None
    with open_store(baselines) as store:
        emit(store.place.display_name(store.save(campaign)))
        if link is not None:
            link = replace(link, branch=campaign.branch)
            name = save_link(store.place, link)
            click.echo(f"and the change since its base: {store.place.display_name(name)}", err=True)
