"""``socklat-gate baseline list``."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from socklat_gate.commands.baseline_place import empty_place_error, location_option
from socklat_gate.commands.help import command
from socklat_gate.commands.output import align, emit
from socklat_gate.wording.sanitise import strip_control_characters

if TYPE_CHECKING:
    from socklat_gate.baseline.listing import CampaignSummary

__all__ = ["list_"]


@command(name="list")
@location_option
def list_(baselines: str) -> None:
    """List the stored campaigns by scenario, oldest first.

    Their checksums are verified; `baseline verify` decodes them as well.

    For instance:

        socklat-gate baseline list --baselines baselines
    """
    from socklat_gate.baseline.listing import summaries
    from socklat_gate.baseline.places.location import open_place

    with closing(open_place(baselines)) as place:
        rows = summaries(place)
        if not rows:
            raise empty_place_error(place)
    header = ("scenario", "created (UTC)", "mode", "runs", "image", "branch", "commit", "file")
    emit(align([header, *map(_row, rows)]))


def _row(summary: CampaignSummary) -> tuple[str, ...]:
    """Cells of one line; a damaged file's problem follows its name."""
    problem = f"  DAMAGED: {summary.problem}" if summary.problem else ""
    cells = (
        summary.scenario,
        summary.created[:19],
        summary.mode,
        str(summary.runs),
        summary.image,
        summary.branch or "-",
        summary.commit[:12] + ("-dirty" if summary.commit.endswith("-dirty") else ""),
        summary.name.rpartition("/")[2] + problem,
    )
    return tuple(map(strip_control_characters, cells))
