"""The place of the baselines for as long as a command works with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import rich_click as click

from gate.baseline.places.waiting import Say
from gate.baseline.store import BaselineStore
from gate.errors import NoUsableBaseline, Reason

__all__ = ["location_option", "nothing_in", "opened"]

location_option = click.option(
    "--baselines",
    metavar="LOCATION",
    default="baselines",
    show_default=True,
    help="Stored baselines: a directory, git+branch:NAME[@REMOTE] or s3://BUCKET/PREFIX.",
)


@contextmanager
def opened(location: str, say: Say | None = None) -> Iterator[BaselineStore]:
    """The store at a location; gives up what it took to reach it.  Raises as `open_place` does."""
    store = BaselineStore.at(location, say=say)
    try:
        yield store
    finally:
        store.place.close()


def nothing_in(store: BaselineStore) -> NoUsableBaseline:
    """The error for a place without any campaign."""
    absent = store.place.absent()
    why = f": {absent}" if absent else ""
    return NoUsableBaseline(
        Reason.BASELINE_EMPTY,
        f"{store.place.location} holds no campaign{why}",
        remedy="store one with `socklat-gate baseline save RESULT`",
    )
