"""What the commands of `baseline` share: the place, and the error for an empty one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from socklat_gate.errors import NoUsableBaseline, Reason

if TYPE_CHECKING:
    from socklat_gate.baseline.places.place import Place

__all__ = ["empty_place_error", "location_option"]

location_option = click.option(
    "--baselines",
    metavar="LOCATION",
    default="baselines",
    show_default=True,
    help="Stored baselines: a directory, git+branch:NAME[@REMOTE] or s3://BUCKET/PREFIX.",
)


def empty_place_error(place: Place) -> NoUsableBaseline:
    """The error for a place without any campaign."""
    absent = place.absent()
    why = f": {absent}" if absent else ""
    return NoUsableBaseline(
        Reason.BASELINE_EMPTY,
        f"{place.location} holds no campaign{why}",
        remedy="store one with `socklat-gate baseline save RESULT`",
    )
