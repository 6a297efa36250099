"""``socklat-gate baseline save``."""

from __future__ import annotations

from pathlib import Path

import click

from socklat_gate.commands.baseline_place import location_option
from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit

__all__ = ["save"]


@command()
@click.argument("result", type=click.Path(path_type=Path))
@location_option
def save(result: Path, baselines: str) -> None:
    """Store the candidate's numbers of RESULT (a result.json, or its directory).

    Red, inconclusive and invalid results are refused: they never become a baseline.

    For instance:

        socklat-gate baseline save socklat-out --baselines baselines
    """
    from socklat_gate.baseline.campaigns import campaign_of, result_at
    from socklat_gate.baseline.open_store import open_store
    from socklat_gate.baseline.promotion import check_passed

    loaded = result_at(result)
    check_passed(loaded)
    campaign = campaign_of(loaded)
    with open_store(baselines) as store:
        emit(store.place.display_name(store.save(campaign)))
