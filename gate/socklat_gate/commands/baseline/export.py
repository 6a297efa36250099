"""``socklat-gate baseline export``."""

from __future__ import annotations

from pathlib import Path

import click

from socklat_gate.commands.baseline_place import empty_place_error, location_option
from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit

__all__ = ["export"]


@command()
@location_option
@click.option(
    "--parquet",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write; an older one is replaced.",
)
@click.option("--scenario", metavar="NAME", help="Only this scenario's campaigns [all].")
def export(baselines: str, parquet: Path, scenario: str | None) -> None:
    """Write the stored campaigns to a Parquet file, a row for each used bucket.

    For any tool that reads Parquet, and for `baseline history`.

    For instance:

        socklat-gate baseline export --parquet history.parquet
    """
    from socklat_gate.baseline.open_store import open_store
    from socklat_gate.baseline.table import CampaignTable

    campaigns = 0
    with CampaignTable() as table, open_store(baselines) as store:
        for name in [scenario] if scenario is not None else store.scenarios():
            for stored in store.each(name):
                table.add(stored)
                campaigns += 1
        if not campaigns:
            raise empty_place_error(store.place)
        rows = table.write_parquet(parquet)
    emit(f"{campaigns} campaigns, {rows} rows: {parquet}")
