"""``socklat-gate baseline history``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from socklat_gate.commands.baseline_place import location_option
from socklat_gate.commands.help import command
from socklat_gate.commands.named_scenario import branch_option, chosen_scenario
from socklat_gate.commands.output import align, emit
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.wording.sanitise import strip_control_characters

if TYPE_CHECKING:
    from socklat_gate.baseline.table import Point
    from socklat_gate.measured.link import Link
    from socklat_gate.scenario.gating import Metric

__all__ = ["history"]


@command()
@click.argument("scenario", metavar="SCENARIO")
@location_option
@branch_option
@click.option(
    "--parquet",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Read what `baseline export` wrote instead of the place.",
)
def history(scenario: str, baselines: str, branch: str, parquet: Path | None) -> None:
    """Show every stored value of SCENARIO's metrics, and where they changed.

    SCENARIO is a socklat.toml or only its name. Campaigns of the newest one's machine, mode and
    branch; the change points are those of `drift`. Below them stands what gates measured side by
    side: the sum of the changes from merge to merge, and nights beside a pinned release.

    For instance:

        socklat-gate baseline history socklat.toml --parquet history.parquet
    """
    from socklat_gate.baseline.comparability import SAVE
    from socklat_gate.baseline.links import stored_links
    from socklat_gate.baseline.open_store import open_store
    from socklat_gate.baseline.table import CampaignTable

    wanted = chosen_scenario(scenario)
    if wanted is None:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{scenario[:80]!r} is neither a scenario's file nor its name",
            remedy="give a socklat.toml, or a name that `socklat-gate baseline list` shows",
        )
    links: tuple[Link, ...] = ()
    hashes = frozenset(filter(None, (wanted.measured_hash, *wanted.former_hashes)))
    with CampaignTable() as table:
        if parquet is not None:
            table.read_parquet(parquet)
        else:
            with open_store(baselines) as store:
                for stored in store.each(wanted.name):
                    table.add(stored)
                links = stored_links(store.place, wanted.name, hashes, branch)
        found = [
            (
                metric,
                table.series(
                    wanted.name,
                    metric,
                    scenario_hash=wanted.measured_hash,
                    former_hashes=wanted.former_hashes,
                    branch=branch,
                ),
            )
            for metric in wanted.metrics
        ]
    if not any(points for _, points in found) and not links:
        raise NoUsableBaseline(
            Reason.BASELINE_EMPTY,
            f"no campaign of {wanted.name!r} with this load and branch in {parquet or baselines}",
            remedy=SAVE,
        )
    for metric, points in found:
        _show(metric, points)
        _show_links(links, metric, len(found))


def _show(metric: Metric, points: Sequence[Point]) -> None:
    from socklat_gate.verdict.series import series_history
    from socklat_gate.wording import units
    from socklat_gate.wording.container_metrics import value_text
    from socklat_gate.wording.history_text import history_lines
    from socklat_gate.wording.sparkline import sparkline

    values = [math.exp(point.log_value) for point in points]
    emit(f"{metric.name}  {sparkline(values)}")
    if not points:
        emit("  not measured, or too few exchanges\n")
        return
    series = series_history(metric, points, [point.log_value for point in points])
    begins = {one.index for one in series.changes}
    rows: list[tuple[str, ...]] = [
        ("", "created (UTC)", "branch", "commit", "runs", "value", "change")
    ]
    for at, (point, value) in enumerate(zip(points, values, strict=True)):
        step = units.change(value / values[at - 1] - 1) if at else ""
        mark = "*" if at in begins else ""
        cells = (point.created[:19], point.branch or "-", point.commit[:12], str(point.runs))
        rows.append(
            (mark, *map(strip_control_characters, cells), value_text(value, metric.stage), step)
        )
    emit(align(rows))
    for sentence in history_lines(series):
        emit(strip_control_characters(sentence))
    emit("")


def _show_links(links: Sequence[Link], metric: Metric, metrics: int) -> None:
    from socklat_gate.verdict.link_series import link_history
    from socklat_gate.wording.link_text import link_lines, link_rows

    series = link_history(links, metric.name, metrics)
    for points, of in ((series.merges, "sum"), (series.nights, "beside the release")):
        if points:
            emit(align([tuple(map(strip_control_characters, r)) for r in link_rows(points, of)]))
    for sentence in link_lines(series):
        emit(strip_control_characters(sentence))
    if series.merges or series.nights:
        emit("")
