"""A store for as long as something works with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from socklat_gate.baseline.places.slow_notice import ShowLine
from socklat_gate.baseline.store import BaselineStore

__all__ = ["open_store"]


@contextmanager
def open_store(location: str, show_line: ShowLine | None = None) -> Iterator[BaselineStore]:
    """The store at a location; gives up what it took to reach it.  Raises as `open_place` does."""
    store = BaselineStore.at(location, show_line=show_line)
    try:
        yield store
    finally:
        store.place.close()
