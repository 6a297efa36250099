"""A store for as long as something works with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from socklat_gate.baseline.places.waiting import Say
from socklat_gate.baseline.store import BaselineStore

__all__ = ["opened"]


@contextmanager
def opened(location: str, say: Say | None = None) -> Iterator[BaselineStore]:
    """The store at a location; gives up what it took to reach it.  Raises as `open_place` does."""
    store = BaselineStore.at(location, say=say)
    try:
        yield store
    finally:
        store.place.close()
