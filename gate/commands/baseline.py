"""``socklat-gate baseline save|list|show|verify``."""

from __future__ import annotations

from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gate.baseline.campaigns import campaign_of, result_at
from gate.baseline.files import read_campaign
from gate.baseline.store import BaselineStore
from gate.errors import NoUsableBaseline, Reason
from gate.report.campaign_text import campaign_rows

__all__ = ["baseline"]

_store_option = click.option(
    "--baselines",
    type=click.Path(path_type=Path),
    default=Path("baselines"),
    show_default=True,
    help="Directory of stored baselines.",
)


@click.group()
def baseline() -> None:
    """Store, list, show and verify baselines."""


@baseline.command()
@click.argument("result", type=click.Path(path_type=Path))
@_store_option
def save(result: Path, baselines: Path) -> None:
    """Store the candidate's numbers of RESULT (a result.json, or the directory that holds it).

    Red, inconclusive and invalid results are refused: they never become a baseline.

    Example: `socklat-gate baseline save socklat-out`
    """
    path = BaselineStore(baselines).save(campaign_of(result_at(result)))
    click.echo(str(path))


@baseline.command(name="list")
@_store_option
def list_(baselines: Path) -> None:
    """List the stored campaigns, oldest first."""
    rows = BaselineStore(baselines).list()
    if not rows:
        raise NoUsableBaseline(
            Reason.BASELINE_EMPTY,
            f"{baselines} holds no campaign",
            remedy="store one with `socklat-gate baseline save RESULT`",
        )
    table = Table("scenario", "created (UTC)", "mode", "runs", "image", "commit", "file")
    for row in rows:
        note = f"[red]{escape(row.problem)}[/]" if row.problem else escape(row.image)
        created, commit = escape(row.created[:19]), escape(row.commit[:12])
        name = escape(row.path.name)
        table.add_row(escape(row.scenario), created, row.mode, str(row.runs), note, commit, name)
    Console(soft_wrap=True).print(table)


@baseline.command()
@click.argument("path", type=click.Path(path_type=Path))
def show(path: Path) -> None:
    """Show what a stored campaign holds: quantiles a run, machine, image, commit."""
    campaign = read_campaign(path)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{escape(campaign.scenario_name)}  {escape(campaign.image)}", style="bold")
    console.print(escape(f"{campaign.created}  commit {campaign.commit}  {campaign.mode}"))
    header, *rows = campaign_rows(campaign)
    table = Table(*header)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for name, value in sorted(campaign.fingerprint.must_match.items()):
        console.print(escape(f"{name}: {value}"))


@baseline.command()
@_store_option
def verify(baselines: Path) -> None:
    """Check every stored file: readable, unaltered, of this schema.  Exit 5 if one is not."""
    found = BaselineStore(baselines).verify()
    bad = [(path, problem) for path, problem in found if problem]
    for path, problem in found:
        click.echo(f"{'DAMAGED' if problem else 'ok'}  {path}{': ' + problem if problem else ''}")
    if bad or not found:
        raise NoUsableBaseline(
            Reason.BASELINE_CORRUPT if bad else Reason.BASELINE_EMPTY,
            f"{len(bad)} of {len(found)} files in {baselines} cannot be used",
            remedy="restore them from version control, or measure and save again",
        )
