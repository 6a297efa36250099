"""``socklat-gate baseline save|list|show|verify|drift``."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from gate.baseline.campaigns import campaign_of, result_at
from gate.baseline.files import read_campaign
from gate.baseline.store import BaselineStore, CampaignSummary
from gate.commands.lazy import LazyCommand
from gate.commands.output import aligned, emit
from gate.errors import NoUsableBaseline, Reason
from gate.report.campaign_text import campaign_rows

__all__ = ["baseline"]

_store_option = click.option(
    "--baselines",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("baselines"),
    show_default=True,
    help="Directory of stored baselines.",
)


@click.group()
def baseline() -> None:
    """Store, list, show and verify baselines; find drift in them."""


baseline.add_command(LazyCommand("drift", "Find changes in the stored campaigns, and slow drift."))


@baseline.command()
@click.argument("result", type=click.Path(path_type=Path))
@_store_option
def save(result: Path, baselines: Path) -> None:
    """Store the candidate's numbers of RESULT (a result.json, or the directory that holds it).

    Red, inconclusive and invalid results are refused: they never become a baseline.

    For instance:

        socklat-gate baseline save socklat-out --baselines baselines
    """
    path = BaselineStore(baselines).save(campaign_of(result_at(result)))
    emit(str(path))


@baseline.command(name="list")
@_store_option
def list_(baselines: Path) -> None:
    """List the stored campaigns by scenario, oldest first.

    For instance:

        socklat-gate baseline list --baselines baselines
    """
    rows = BaselineStore(baselines).list()
    if not rows:
        raise _nothing_in(baselines)
    header = ("scenario", "created (UTC)", "mode", "runs", "image", "commit", "file")
    emit(aligned([header, *map(_row, rows)]))


@baseline.command()
@click.argument("path", type=click.Path(path_type=Path))
def show(path: Path) -> None:
    """Show what a stored campaign holds: image, commit, machine, quantiles a run.

    For instance:

        socklat-gate baseline show baselines/api/20260304T050607Z-0123456789ab.json
    """
    campaign = read_campaign(path)
    facts = {
        "scenario": campaign.scenario_name,
        "scenario hash": campaign.scenario_hash,
        "created": campaign.created,
        "mode": campaign.mode,
        "commit": campaign.commit,
        "image": campaign.image,
        "image id": campaign.image_id,
        **dict(sorted(campaign.fingerprint.must_match.items())),
    }
    emit(aligned([(f"{name}:", _shown(value)) for name, value in facts.items()]))
    emit("\n" + aligned(campaign_rows(campaign)))


@baseline.command()
@_store_option
def verify(baselines: Path) -> None:
    """Check every stored file: readable, unaltered, of this schema.

    Exits with 5 when one is not.

    For instance:

        socklat-gate baseline verify --baselines baselines
    """
    found = BaselineStore(baselines).verify()
    bad = [(path, problem) for path, problem in found if problem]
    for path, problem in found:
        emit(_shown(f"DAMAGED  {problem}" if problem else f"ok  {path}"))
    if not found:
        raise _nothing_in(baselines)
    if bad:
        raise NoUsableBaseline(
            Reason.BASELINE_CORRUPT,
            f"{len(bad)} of {len(found)} files in {baselines} cannot be used",
            remedy="restore them from version control, or measure and save again",
        )


def _nothing_in(baselines: Path) -> NoUsableBaseline:
    return NoUsableBaseline(
        Reason.BASELINE_EMPTY,
        f"{baselines} holds no campaign",
        remedy="store one with `socklat-gate baseline save RESULT`",
    )


def _row(summary: CampaignSummary) -> tuple[str, ...]:
    """Cells of one line; a damaged file's problem follows its name."""
    problem = f"  DAMAGED: {summary.problem}" if summary.problem else ""
    cells = (
        summary.scenario,
        summary.created[:19],
        summary.mode,
        str(summary.runs),
        summary.image,
        summary.commit[:12],
        summary.path.name + problem,
    )
    return tuple(map(_shown, cells))


def _shown(text: str) -> str:
    """Stored text comes from other machines: control characters must not reach the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
